//! What the contract suite does not see: query plans, classification of errors, derived columns, and the writer when a
//! caller's future is dropped.

use allynet_domain::{
    Account, Call, Change, Details, Emergency, Event, HelperReputation, Location, Movement, Name, PasswordHash,
    Position, Profile, Response, ResponseRecord, ResponseStatus, Role, Timestamp, UserId, Write,
    port::{Changes, Error, Result},
    testing,
};
use chrono::DateTime;
use tempfile::TempDir;
use uuid::Uuid;

use crate::{Options, Sqlite};

mod files;
mod metrics;
mod plans;
mod positions;
mod rules;
mod writers;

/// A new, migrated database in a temporary folder.
async fn database() -> (Sqlite, TempDir) {
    let folder = tempfile::tempdir().unwrap();
    let store = open(&folder, &Options::default()).await;
    store.migrate().await.unwrap();
    (store, folder)
}

async fn open(folder: &TempDir, options: &Options) -> Sqlite {
    Sqlite::open(folder.path().join("allynet.db").to_str().unwrap(), options).await.unwrap()
}

fn now() -> Timestamp {
    DateTime::from_timestamp_micros(1_770_000_000_123_456).unwrap()
}

fn id(n: u128) -> UserId {
    Uuid::from_u128(n).into()
}

fn account(n: u128) -> Account {
    Account {
        id: id(n),
        email: format!("{n}@example.org").parse().unwrap(),
        profile: Profile::new(Name::parse("Ada").unwrap(), None),
        role: Role::User,
        blocked: false,
        helper: None,
        reputation: HelperReputation::default(),
        blocks: Vec::new(),
        created_at: now(),
    }
}

fn emergency(n: u128, owner: &Account) -> Emergency {
    let location = Location { position: Position::new(48.1, 11.5).unwrap(), address: None, description: None };
    let details = Details { location, ..testing::details() };
    testing::raised(Call {
        id: Uuid::from_u128(n).into(),
        owner: owner.person(),
        details,
        created_at: now(),
        movement: Movement::default(),
    })
}

fn response(helper: &Account) -> Response {
    Response {
        helper: helper.helper_card(),
        status: ResponseStatus::Responding,
        notes: None,
        estimated_arrival: None,
        responded_at: now(),
        updated_at: now(),
        record: ResponseRecord::default(),
        transport: allynet_domain::dispatch::Transport::Foot,
        last_fix: None,
        blocks: Vec::new(),
    }
}

fn register(account: &Account) -> Write {
    Write::RegisterAccount { account: Box::new(account.clone()), password: PasswordHash::new("$hash".to_owned()) }
}

fn raise(emergency: &Emergency) -> Write {
    Write::RaiseEmergency(Box::new(emergency.clone()))
}

fn marker(n: u128) -> Event {
    Event::AccountBlocked { user: id(n) }
}

fn change(writes: Vec<Write>) -> Change {
    Change { writes, ..Change::new(None, now()) }
}

async fn commit(store: &Sqlite, writes: Vec<Write>) -> Result<()> {
    store.commit(change(writes)).await
}

/// The error of an outcome that must be one.
fn failed<T>(outcome: Result<T>) -> Error {
    match outcome {
        Ok(_) => panic!("expected an error"),
        Err(error) => error,
    }
}
