//! What tests write in advance: the state of the scripted ports, and the users, sessions and emergencies in it.

use std::sync::{Mutex, atomic::AtomicU32};

use allynet_domain::{
    Account, Call, Details, Email, Emergency, EmergencyId, EventId, HelperRecord, HelperReputation, Location, Movement,
    Name, Position, Profile, Role, SessionId, Timestamp, UserId, Verification, port::Fix, testing,
};
use tokio::sync::{Notify, watch};
use uuid::Uuid;

/// Id of the last event before the test.
pub(super) const LAST_EVENT_BEFORE: i64 = 100;

pub(crate) fn user(n: u128) -> UserId {
    Uuid::from_u128(n).into()
}

pub(crate) fn session(n: u128) -> SessionId {
    Uuid::from_u128(1000 + n).into()
}

pub(crate) fn emergency(n: u128) -> EmergencyId {
    Uuid::from_u128(2000 + n).into()
}

/// Account of a verified helper on duty.
pub(crate) fn account(id: UserId) -> Account {
    let first_name = Name::parse("Somebody").unwrap();
    let profile = Profile::new(first_name, None);
    let helper = HelperRecord::new(Verification::Verified, true);
    let email: Email = "somebody@example.org".parse().unwrap();
    let (role, reputation, created_at) = (Role::Helper, HelperReputation::default(), Timestamp::UNIX_EPOCH);
    Account {
        id,
        email,
        profile,
        role,
        blocked: false,
        helper: Some(helper),
        reputation,
        blocks: Vec::new(),
        created_at,
    }
}

/// Emergency that a user has just raised.
pub(crate) fn raised(id: EmergencyId, owner: UserId) -> Emergency {
    let location = Location { position: Position::new(0.0, 0.0).unwrap(), address: None, description: None };
    let details = Details { location, ..testing::details() };
    let call = Call {
        id,
        owner: account(owner).person(),
        details,
        created_at: Timestamp::UNIX_EPOCH,
        movement: Movement::default(),
    };
    testing::raised(call)
}

/// State of the scripted ports.
pub(crate) struct Script {
    /// Live emergencies.
    pub(crate) live: Mutex<Vec<Emergency>>,
    /// Last event that the database reports with what it reads.
    pub(crate) as_of: Mutex<EventId>,
    /// Whether accounts are looked up; else look-ups wait.
    pub(crate) accounts: watch::Sender<bool>,
    /// Notified when an account is about to be looked up.
    pub(crate) looked_up: Notify,
    /// Whether positions are stored; else writes wait.
    pub(crate) positions: watch::Sender<bool>,
    /// Notified when a position is about to be stored.
    pub(crate) storing: Notify,
    /// Stored positions, in order.
    pub(crate) stored: Mutex<Vec<Fix>>,
    /// Number of attempts to follow the log that still fail.
    pub(crate) failures: AtomicU32,
}
