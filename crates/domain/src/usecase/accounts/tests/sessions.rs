//! Tests of refresh, logout and new passwords.

use super::*;
use crate::{
    Device,
    port::Successor,
    testing::{GRACE_HOPPER, OWNER, account, actor, device, grace_hopper},
    usecase::emergencies::tests::refusal,
};

fn confirming(outcome: Confirmation) -> AccountMocks {
    let mut ports = AccountMocks::new().with_refresh(claims(GRACE_HOPPER));
    ports.sessions.expect_confirm().times(1).returning(move |presented| {
        let expected = Presentation {
            session: id(400),
            token: id(500),
            parent: Some(id(499)),
            successor: id(1000),
            at: now(),
            repeats_since: now() - TimeDelta::seconds(10),
            user_agent: agent(),
        };
        assert_eq!(presented, expected);
        Ok(outcome.clone())
    });
    ports
}

/// A token that is good, with this successor.
fn succeeded_by(account: Account, successor: Successor) -> Confirmation {
    Confirmation::Confirmed { account: Box::new(account), successor }
}

fn first_successor() -> Successor {
    Successor { token: id(1000), issued_at: now() }
}

/// The change that ends sessions of Grace.
fn revoked(only: Option<u128>, except: Option<u128>) -> Change {
    let (user, only, except) = (id(GRACE_HOPPER), only.map(id), except.map(id));
    Change::new(Some(user), now())
        .write(Write::RevokeSessions { user, only, except })
        .account_event(Event::SessionsRevoked { user, only, except, former: None })
}

#[tokio::test]
async fn a_confirmed_token_is_exchanged_for_its_successor() {
    let (cx, committed) = confirming(succeeded_by(account(GRACE_HOPPER), first_successor())).service();
    let pair = refresh(&cx, "good", agent()).await.unwrap();
    let successor = RefreshClaims { token: id(1000), parent: Some(id(500)), ..claims(GRACE_HOPPER) };
    assert_eq!(pair.access.expose(), access_of(id(GRACE_HOPPER), id(400)));
    assert_eq!(pair.refresh.expose(), refresh_of(&successor));
    assert!(committed.is_empty(), "confirming is all that is stored");
}

#[tokio::test]
async fn a_token_presented_again_has_the_same_successor_and_a_fresh_access_token() {
    let first = Successor { token: id(600), issued_at: now() - TimeDelta::seconds(7) };
    let (cx, committed) = confirming(succeeded_by(account(GRACE_HOPPER), first)).service();
    let pair = refresh(&cx, "good", agent()).await.unwrap();
    let successor = RefreshClaims { token: id(600), parent: Some(id(500)), ..claims(GRACE_HOPPER) };
    assert_eq!(pair.refresh.expose(), issued_at(&successor, first.issued_at));
    assert_eq!(pair.access.expose(), access_of(id(GRACE_HOPPER), id(400)));
    assert!(committed.is_empty());
}

#[tokio::test]
async fn a_token_used_again_ends_its_session_and_no_other() {
    let (cx, committed) = confirming(Confirmation::Reused).service();
    assert_eq!(refusal(refresh(&cx, "good", agent()).await), Refusal::RefreshTokenReused);
    assert_eq!(committed.only(), revoked(Some(400), None));
}

#[tokio::test]
async fn a_refresh_is_refused_when_session_or_account_is_not_good() {
    let shut_out = Account { blocked: true, ..account(GRACE_HOPPER) };
    for (outcome, expected) in [
        (Confirmation::Unknown, Refusal::TokenInvalid),
        (succeeded_by(shut_out, first_successor()), Refusal::AccountBlocked),
    ] {
        let (cx, committed) = confirming(outcome).service();
        assert_eq!((refusal(refresh(&cx, "good", agent()).await), committed.is_empty()), (expected, true));
    }
}

#[tokio::test]
async fn a_token_that_is_none_is_not_presented_to_the_sessions() {
    for (token, expected) in [("old", Refusal::TokenExpired), ("forged", Refusal::TokenInvalid)] {
        let (cx, committed) = with_devices(AccountMocks::new(), vec![]).with_refresh(claims(GRACE_HOPPER)).service();
        assert_eq!((refusal(refresh(&cx, token, agent()).await), committed.is_empty()), (expected, true));
    }
}

fn with_devices(mut mocks: AccountMocks, devices: Vec<Device>) -> AccountMocks {
    mocks.devices.expect_list().returning(move |user| {
        assert_eq!(user, id(GRACE_HOPPER));
        Ok(devices.clone())
    });
    mocks
}

#[tokio::test]
async fn an_expired_token_is_valid_while_the_device_of_its_session_confirms_messages() {
    let confirmed = |session, days| Device {
        session: id(session),
        last_delivered_at: Some(now() - TimeDelta::days(days)),
        ..device(1)
    };
    let silent = Device { session: id(400), last_delivered_at: None, ..device(1) };
    for (device, is_valid) in
        [(confirmed(400, 90), true), (confirmed(400, 91), false), (confirmed(401, 1), false), (silent, false)]
    {
        let mocks = if is_valid {
            confirming(succeeded_by(account(GRACE_HOPPER), first_successor()))
        } else {
            AccountMocks::new().with_refresh(claims(GRACE_HOPPER))
        };
        let (cx, _) = with_devices(mocks, vec![device]).service();
        match refresh(&cx, "old", agent()).await {
            Ok(_) => assert!(is_valid),
            refused => assert_eq!((refusal(refused), is_valid), (Refusal::TokenExpired, false)),
        }
    }
}

#[tokio::test]
async fn logging_out_ends_the_session_of_the_token_or_all() {
    let own = actor(account(GRACE_HOPPER)).session;
    assert_eq!(own, id(GRACE_HOPPER + 5000));
    for (token_of, token, expected) in [
        (GRACE_HOPPER, Some("good"), revoked(Some(400), None)),
        (GRACE_HOPPER, None, revoked(None, None)),
        // The caller is logged out, and no other user.
        (GRACE_HOPPER, Some("old"), revoked(Some(400), None)),
        (GRACE_HOPPER, Some("forged"), revoked(Some(GRACE_HOPPER + 5000), None)),
        (OWNER, Some("good"), revoked(Some(GRACE_HOPPER + 5000), None)),
    ] {
        let (cx, committed) = AccountMocks::new().with_refresh(claims(token_of)).service();
        log_out(&cx, &grace_hopper(), token).await.unwrap();
        assert_eq!(committed.only(), expected, "{token:?}");
    }
}

#[tokio::test]
async fn a_new_password_ends_every_other_session() {
    let (cx, committed) =
        AccountMocks::new().with_account(Some(account(GRACE_HOPPER))).verifying_once().hashing().service();
    let new = Password::parse("new password").unwrap();
    change_password(&cx, &grace_hopper(), (Password::attempt("right password"), new), home()).await.unwrap();
    let mut expected = revoked(None, Some(GRACE_HOPPER + 5000));
    expected.writes.insert(0, Write::SetPassword { user: id(GRACE_HOPPER), password: hashed() });
    assert_eq!(committed.only(), expected);
}

#[tokio::test]
async fn without_the_current_password_nothing_is_hashed_or_stored() {
    for found in [Some(account(GRACE_HOPPER)), None] {
        let (cx, committed) = AccountMocks::new().with_account(found).verifying_once().service();
        let new = Password::parse("new password").unwrap();
        let outcome = change_password(&cx, &grace_hopper(), (Password::attempt("wrong password"), new), home()).await;
        assert_eq!((refusal(outcome), committed.is_empty()), (Refusal::WrongPassword, true));
    }
}
