//! Who may be addressed, and who may read what.

use super::*;
use crate::{
    ResponseStatus,
    given::{ALAN, GRACE, NOBODY, OWNER, anonymous, from_helper, from_owner, id, message, text, with_responses},
};

#[test]
fn participants_may_be_addressed_and_nobody_else() {
    let emergency = with_responses(&[(GRACE, ResponseStatus::Completed), (ALAN, ResponseStatus::Cancelled)]);
    let user = |n| Addressee::User(id(n));
    let refused = Err(Refusal::RecipientTakesNoPart);
    for (sender, addressee, known, unknown) in [
        (GRACE, Addressee::Everyone, Ok(To::Everyone), Ok(To::Everyone)),
        (GRACE, Addressee::Creator, Ok(To::Creator), Ok(To::Creator)),
        (OWNER, Addressee::Creator, Ok(To::Creator), Ok(To::Creator)),
        (OWNER, user(GRACE), Ok(To::Helper(id(GRACE))), Ok(To::Helper(id(GRACE)))),
        (OWNER, user(ALAN), refused.clone(), refused.clone()),
        (GRACE, user(NOBODY), refused.clone(), refused.clone()),
        (GRACE, Addressee::Unknown, refused.clone(), refused.clone()),
        (OWNER, user(OWNER), Ok(To::Owner), Ok(To::Owner)),
        // The real id of an anonymous owner is refused as any stranger's.
        (GRACE, user(OWNER), Ok(To::Owner), refused.clone()),
    ] {
        assert_eq!(emergency.recipient(id(sender), addressee), known, "{sender} → {addressee:?}");
        assert_eq!(anonymous(emergency.clone()).recipient(id(sender), addressee), unknown, "{sender} → {addressee:?}");
    }
}

#[test]
fn direct_messages_are_read_by_the_two_concerned() {
    for (message, readers) in [
        (from_owner(To::Everyone), None),
        (from_helper(GRACE, To::Everyone), None),
        (from_helper(GRACE, To::Creator), Some(vec![OWNER, GRACE])),
        (from_helper(GRACE, To::Owner), Some(vec![OWNER, GRACE])),
        (from_owner(To::Helper(id(GRACE))), Some(vec![GRACE, OWNER])),
        (from_helper(GRACE, To::Helper(id(GRACE))), Some(vec![GRACE])),
        (from_owner(To::Creator), Some(vec![OWNER])),
        (message(Sender::System, To::Creator), Some(vec![OWNER])),
    ] {
        for n in [OWNER, GRACE, ALAN] {
            let may = readers.as_ref().is_none_or(|readers| readers.contains(&n));
            assert_eq!(message.is_readable_by(id(n)), may, "{n}: {message:?}");
        }
        assert_eq!(message.readers(), readers.map(|readers| readers.into_iter().map(id).collect()));
    }
}

#[test]
fn the_service_is_no_account() {
    assert_eq!(Sender::System.id(), None);
    assert_eq!(from_owner(To::Everyone).from.id(), Some(id(OWNER)));
    assert_eq!(from_helper(GRACE, To::Everyone).from.id(), Some(id(GRACE)));
}

#[test]
fn the_receipt_tells_how_many_are_alerted() {
    for (alerted, told) in [
        (0, "Your emergency call was received and stored. No helper is near enough to be alerted yet."),
        (1, "Your emergency call was received and stored. 1 helper is being alerted."),
        (50, "Your emergency call was received and stored. 50 helpers are being alerted."),
        (usize::MAX, "Your emergency call was received and stored. 18446744073709551615 helpers are being alerted."),
    ] {
        assert_eq!(receipt(alerted), Some(text(told)));
    }
}
