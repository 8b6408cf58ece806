//! Tests of the configured administrator, and of those that an operator appoints.

use super::*;
use crate::{
    HelperRecord, Verification,
    testing::account,
    usecase::{
        administrators::{Ensured, ensure, grant, revoke},
        emergencies::tests::conflict,
    },
};

const USER: u128 = 1000;

fn email() -> Email {
    account(USER).email
}

fn password(text: &str) -> Password {
    Password::attempt(text)
}

fn with_role(role: Role) -> Account {
    Account { role, ..account(USER) }
}

fn appointment(before: Account, role: Role) -> Change {
    let user = before.id;
    Change::new(None, now()).write(Write::ExpectAccount(Box::new(before))).write(Write::SetRole { user, role })
}

#[tokio::test]
async fn the_configured_administrator_is_created_once() {
    let (cx, committed) = AccountMocks::new().with_account(None).hashing().service();
    assert_eq!(ensure(&cx, email(), password("new password")).await.unwrap(), Ensured::Created);
    match &committed.only().writes[0] {
        Write::RegisterAccount { account, .. } => {
            assert_eq!((account.role, account.profile.first_name.as_str()), (Role::Admin, "Administrator"));
        }
        other => panic!("no account: {other:?}"),
    }

    // Of an account that is an administrator already, the password may have changed.
    let (cx, committed) = AccountMocks::new().with_account(Some(with_role(Role::Admin))).service();
    assert_eq!(ensure(&cx, email(), password("another")).await.unwrap(), Ensured::Unchanged);
    assert!(committed.is_empty());

    // Another node created the account first.
    let mut ports = AccountMocks::new().with_account(None).hashing();
    ports.outcomes = conflict(Constraint::Email);
    assert_eq!(ensure(&ports.service().0, email(), password("new password")).await.unwrap(), Ensured::Unchanged);

    let mut ports = AccountMocks::new().with_account(None).hashing();
    ports.outcomes = vec![Err(port::Error::unavailable("gone"))];
    assert!(matches!(ensure(&ports.service().0, email(), password("new password")).await, Err(Error::Port(_))));
}

#[tokio::test]
async fn an_existing_account_becomes_the_configured_administrator_by_its_own_password_only() {
    let existing = || AccountMocks::new().with_account(Some(with_role(Role::User))).verifying_once();
    let (cx, committed) = existing().service();
    assert_eq!(ensure(&cx, email(), password("wrong password")).await.unwrap(), Ensured::WrongPassword);
    assert!(committed.is_empty());

    let (cx, committed) = existing().service();
    assert_eq!(ensure(&cx, email(), password("right password")).await.unwrap(), Ensured::Granted);
    assert_eq!(committed.only(), appointment(with_role(Role::User), Role::Admin));
}

#[tokio::test]
async fn an_operator_appoints_and_dismisses_administrators() {
    let (cx, committed) = AccountMocks::new().with_account(Some(with_role(Role::Helper))).service();
    assert_eq!(revoke(&cx, &email()).await.unwrap(), Some(false));
    assert!(committed.is_empty());
    assert_eq!(grant(&cx, &email()).await.unwrap(), Some(true));
    assert_eq!(committed.only(), appointment(with_role(Role::Helper), Role::Admin));

    let helper = HelperRecord::new(Verification::Verified, true);
    for (helper, role) in [(None, Role::User), (Some(helper), Role::Helper)] {
        let before = Account { helper, ..with_role(Role::Admin) };
        let (cx, committed) = AccountMocks::new().with_account(Some(before.clone())).service();
        assert_eq!(grant(&cx, &email()).await.unwrap(), Some(false));
        assert!(committed.is_empty());
        assert_eq!(revoke(&cx, &email()).await.unwrap(), Some(true));
        let user = before.id;
        let dismissal = appointment(before, role)
            .write(Write::RevokeSessions { user, only: None, except: None })
            .account_event(Event::SessionsRevoked { user, only: None, except: None, former: None });
        assert_eq!(committed.only(), dismissal);
    }

    let (cx, committed) = AccountMocks::new().with_account(None).service();
    assert_eq!((grant(&cx, &email()).await.unwrap(), revoke(&cx, &email()).await.unwrap()), (None, None));
    assert!(committed.is_empty());
}
