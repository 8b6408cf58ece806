//! Refreshing, logging out, new passwords and contacts.

use super::*;
use crate::{
    ContactId,
    given::{GRACE, OWNER, account, calling, grace},
    usecase::emergencies::tests::refusal,
};

fn confirming(outcome: Confirmation) -> Ports {
    let mut ports = Ports::new().with_refresh(claims(GRACE));
    ports.sessions.expect_confirm().times(1).returning(move |session, token, parent| {
        assert_eq!((session, token, parent), (id(400), id(500), Some(id(499))));
        Ok(outcome.clone())
    });
    ports
}

/// The change that ends sessions of Grace.
fn revoked(only: Option<u128>, except: Option<u128>) -> Change {
    let (user, only, except) = (id(GRACE), only.map(id), except.map(id));
    Change::new(Some(user), now())
        .write(Write::RevokeSessions { user, only, except })
        .account_event(Event::SessionsRevoked { user, only, except })
}

#[tokio::test]
async fn a_confirmed_token_is_exchanged_for_its_successor() {
    let (cx, committed) = confirming(Confirmation::Confirmed(Box::new(account(GRACE)))).service();
    let pair = refresh(&cx, "good").await.unwrap();
    let successor = RefreshClaims { token: id(1000), parent: Some(id(500)), ..claims(GRACE) };
    assert_eq!(pair.access.expose(), access_of(id(GRACE), id(400)));
    assert_eq!(pair.refresh.expose(), refresh_of(&successor));
    assert!(committed.nothing(), "confirming is all that is stored");
}

#[tokio::test]
async fn a_token_used_again_ends_its_session_and_no_other() {
    let (cx, committed) = confirming(Confirmation::Reused).service();
    assert_eq!(refusal(refresh(&cx, "good").await), Refusal::RefreshTokenReused);
    assert_eq!(committed.only(), revoked(Some(400), None));
}

#[tokio::test]
async fn a_refresh_is_refused_when_session_or_account_is_not_good() {
    let shut_out = Account { blocked: true, ..account(GRACE) };
    for (outcome, expected) in [
        (Confirmation::Unknown, Refusal::TokenInvalid),
        (Confirmation::Confirmed(Box::new(shut_out)), Refusal::AccountBlocked),
    ] {
        let (cx, committed) = confirming(outcome).service();
        assert_eq!((refusal(refresh(&cx, "good").await), committed.nothing()), (expected, true));
    }
}

#[tokio::test]
async fn a_token_that_is_none_is_not_presented_to_the_sessions() {
    for (token, expected) in [("old", Refusal::TokenExpired), ("forged", Refusal::TokenInvalid)] {
        let (cx, committed) = Ports::new().with_refresh(claims(GRACE)).service();
        assert_eq!((refusal(refresh(&cx, token).await), committed.nothing()), (expected, true));
    }
}

#[tokio::test]
async fn logging_out_ends_the_session_of_the_token_or_all() {
    let own = calling(account(GRACE)).session;
    assert_eq!(own, id(GRACE + 5000));
    for (token_of, token, expected) in [
        (GRACE, Some("good"), revoked(Some(400), None)),
        (GRACE, None, revoked(None, None)),
        // Whoever logs out is out, and nobody else is.
        (GRACE, Some("old"), revoked(Some(GRACE + 5000), None)),
        (GRACE, Some("forged"), revoked(Some(GRACE + 5000), None)),
        (OWNER, Some("good"), revoked(Some(GRACE + 5000), None)),
    ] {
        let (cx, committed) = Ports::new().with_refresh(claims(token_of)).service();
        log_out(&cx, &grace(), token).await.unwrap();
        assert_eq!(committed.only(), expected, "{token:?}");
    }
}

#[tokio::test]
async fn a_new_password_ends_every_other_session() {
    let (cx, committed) = Ports::new().with_account(Some(account(GRACE))).verifying_once().hashing().service();
    let new = Password::parse("new password").unwrap();
    change_password(&cx, &grace(), Password::attempt("right password"), new).await.unwrap();
    let mut expected = revoked(None, Some(GRACE + 5000));
    expected.writes.insert(0, Write::SetPassword { user: id(GRACE), password: hashed() });
    assert_eq!(committed.only(), expected);
}

#[tokio::test]
async fn without_the_current_password_nothing_is_hashed_or_stored() {
    for found in [Some(account(GRACE)), None] {
        let (cx, committed) = Ports::new().with_account(found).verifying_once().service();
        let new = Password::parse("new password").unwrap();
        let outcome = change_password(&cx, &grace(), Password::attempt("wrong password"), new).await;
        assert_eq!((refusal(outcome), committed.nothing()), (Refusal::WrongPassword, true));
    }
}

#[tokio::test]
async fn contacts_are_added_up_to_a_limit() {
    for room in [true, false] {
        let mut ports = Ports::new();
        ports.accounts.expect_add_contact().times(1).returning(move |owner, contact, limit| {
            assert_eq!((owner, contact.id, limit), (id(GRACE), id::<ContactId>(1000), 50));
            Ok(room)
        });
        let (cx, _) = ports.service();
        let (name, email) = (Name::parse("Ada").unwrap(), account(OWNER).email);
        let outcome = add_contact(&cx, &grace(), name.clone(), email.clone()).await;
        if room {
            assert_eq!(outcome.unwrap(), Contact { id: id(1000), name, email, created_at: now() });
        } else {
            assert_eq!(refusal(outcome), Refusal::TooManyContacts);
        }
    }
}
