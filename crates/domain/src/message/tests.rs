//! Tests of the recipients and the readers of messages.

use super::*;
use crate::{
    ResponseStatus,
    testing::{
        ALAN, GRACE_HOPPER, OWNER, STRANGER, anonymous, id, message, message_from_helper, message_from_owner, text,
        with_responses,
    },
};

#[test]
fn only_participants_may_be_addressed() {
    let emergency = with_responses(&[(GRACE_HOPPER, ResponseStatus::Completed), (ALAN, ResponseStatus::Cancelled)]);
    let user = |n| Addressee::User(id(n));
    let refused = Err(Refusal::RecipientTakesNoPart);
    for (sender, addressee, known, unknown) in [
        (GRACE_HOPPER, Addressee::Everyone, Ok(To::Everyone), Ok(To::Everyone)),
        (GRACE_HOPPER, Addressee::Creator, Ok(To::Creator), Ok(To::Creator)),
        (OWNER, Addressee::Creator, Ok(To::Creator), Ok(To::Creator)),
        (OWNER, user(GRACE_HOPPER), Ok(To::Helper(id(GRACE_HOPPER))), Ok(To::Helper(id(GRACE_HOPPER)))),
        (OWNER, user(ALAN), refused.clone(), refused.clone()),
        (GRACE_HOPPER, user(STRANGER), refused.clone(), refused.clone()),
        (GRACE_HOPPER, Addressee::Unknown, refused.clone(), refused.clone()),
        (OWNER, user(OWNER), Ok(To::Owner), Ok(To::Owner)),
        // The real id of an anonymous owner is refused as any stranger's.
        (GRACE_HOPPER, user(OWNER), Ok(To::Owner), refused.clone()),
    ] {
        assert_eq!(emergency.recipient(id(sender), addressee), known, "{sender} → {addressee:?}");
        assert_eq!(anonymous(emergency.clone()).recipient(id(sender), addressee), unknown, "{sender} → {addressee:?}");
    }
}

#[test]
fn direct_messages_are_read_by_the_two_concerned() {
    for (message, readers) in [
        (message_from_owner(To::Everyone), None),
        (message_from_helper(GRACE_HOPPER, To::Everyone), None),
        (message_from_helper(GRACE_HOPPER, To::Creator), Some(vec![OWNER, GRACE_HOPPER])),
        (message_from_helper(GRACE_HOPPER, To::Owner), Some(vec![OWNER, GRACE_HOPPER])),
        (message_from_owner(To::Helper(id(GRACE_HOPPER))), Some(vec![GRACE_HOPPER, OWNER])),
        (message_from_helper(GRACE_HOPPER, To::Helper(id(GRACE_HOPPER))), Some(vec![GRACE_HOPPER])),
        (message_from_owner(To::Creator), Some(vec![OWNER])),
        (message(Sender::System, To::Creator), Some(vec![OWNER])),
    ] {
        for n in [OWNER, GRACE_HOPPER, ALAN] {
            let may = readers.as_ref().is_none_or(|readers| readers.contains(&n));
            assert_eq!(message.is_readable_by(id(n)), may, "{n}: {message:?}");
        }
        assert_eq!(message.readers(), readers.map(|readers| readers.into_iter().map(id).collect()));
    }
}

#[test]
fn the_service_is_no_account() {
    assert_eq!(Sender::System.id(), None);
    assert_eq!(message_from_owner(To::Everyone).from.id(), Some(id(OWNER)));
    assert_eq!(message_from_helper(GRACE_HOPPER, To::Everyone).from.id(), Some(id(GRACE_HOPPER)));
}

#[test]
fn the_receipt_tells_how_many_are_alerted() {
    for (alerted, told) in [
        (0, "Your emergency call was received and stored. No helper is near enough to be alerted yet."),
        (1, "Your emergency call was received and stored. 1 helper is being alerted."),
        (50, "Your emergency call was received and stored. 50 helpers are being alerted."),
        (u32::MAX, "Your emergency call was received and stored. 4294967295 helpers are being alerted."),
    ] {
        assert_eq!(receipt(alerted), Some(text(told)));
    }
}
