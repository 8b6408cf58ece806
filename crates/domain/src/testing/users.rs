//! Users and their accounts.

use uuid::Uuid;

use super::{ADMIN, ALAN, GRACE_HOPPER, OWNER, at, id, text};
use crate::{Account, Actor, HelperCard, HelperRecord, HelperReputation, Person, Profile, Role, Verification};

/// The name of a user: [`OWNER`], [`GRACE_HOPPER`] and [`ALAN`] have their own, all others are `First<n> Last<n>`.
pub fn person(n: u128) -> Person {
    let (first_name, last_name) = match n {
        OWNER => (text("Ada"), Some(text("Lovelace"))),
        GRACE_HOPPER => (text("Grace"), Some(text("Hopper"))),
        ALAN => (text("Alan"), None),
        n => (text(&format!("First{n}")), Some(text(&format!("Last{n}")))),
    };
    Person { id: id(n), first_name, last_name }
}

/// An account that is neither helper nor administrator.
pub fn account(n: u128) -> Account {
    account_of(person(n))
}

/// The account of this person, neither helper nor administrator.
pub fn account_of(person: Person) -> Account {
    let Person { id, first_name, last_name } = person;
    Account {
        id,
        email: format!("{id}@example.org").parse().unwrap(),
        profile: Profile::new(first_name, last_name),
        role: Role::User,
        blocked: false,
        helper: None,
        reputation: HelperReputation::default(),
        blocks: Vec::new(),
        created_at: at(-1000),
    }
}

/// A helper record without skills.
pub fn helper_record(verification: Verification, available: bool) -> HelperRecord {
    HelperRecord::new(verification, available)
}

/// The account of a verified helper on duty.
pub fn helper(n: u128) -> Account {
    Account { helper: Some(helper_record(Verification::Verified, true)), role: Role::Helper, ..account(n) }
}

/// The helper card of [`helper`].
pub fn helper_card(n: u128) -> HelperCard {
    helper(n).helper_card()
}

/// The account of [`ADMIN`].
pub fn admin() -> Account {
    Account { role: Role::Admin, ..account(ADMIN) }
}

/// A caller with this account. The number of the session is that of the account plus 5000.
pub fn actor(account: Account) -> Actor {
    let session = Uuid::from_u128(Uuid::from(account.id).as_u128() + 5000);
    Actor { account, session: session.into() }
}

/// The caller [`OWNER`].
pub fn owner() -> Actor {
    actor(account(OWNER))
}

/// The caller [`GRACE_HOPPER`].
pub fn grace_hopper() -> Actor {
    actor(helper(GRACE_HOPPER))
}
