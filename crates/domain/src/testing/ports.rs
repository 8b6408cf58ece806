//! Mocked ports: a store that remembers what was committed, a fixed clock, and predictable ids.

use std::sync::{Arc, Mutex, PoisonError};

use uuid::Uuid;

use super::{EMERGENCY, at, id};
use crate::{
    Change, Emergency, Event, Response, Timestamp, UserId, Write,
    port::{self, MockChanges, MockClock, MockIds},
};

/// The changes that a mocked store received, in order. Clones share them.
#[derive(Clone, Default)]
pub struct Committed(Arc<Mutex<Vec<Change>>>);

impl Committed {
    /// All attempts, failed ones included.
    pub fn attempts(&self) -> Vec<Change> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The only attempt.
    ///
    /// # Panics
    /// If there was none, or more than one.
    pub fn only(&self) -> Change {
        let [only] = <[Change; 1]>::try_from(self.attempts()).unwrap();
        only
    }

    /// Whether there was no attempt.
    pub fn is_empty(&self) -> bool {
        self.attempts().is_empty()
    }
}

/// A store that answers with these outcomes in turn, then accepts every change.
pub fn store(outcomes: Vec<port::Result<()>>) -> (Arc<MockChanges>, Committed) {
    let committed = Committed::default();
    let (seen, mut outcomes) = (committed.clone(), outcomes.into_iter());
    let mut changes = MockChanges::new();
    changes.expect_commit().returning(move |change| {
        seen.0.lock().unwrap_or_else(PoisonError::into_inner).push(change);
        outcomes.next().unwrap_or(Ok(()))
    });
    (Arc::new(changes), committed)
}

/// The time of [`clock`].
pub fn now() -> Timestamp {
    at(30)
}

/// A clock that stands at [`now`].
pub fn clock() -> Arc<MockClock> {
    let mut clock = MockClock::new();
    clock.expect_now().returning(now);
    Arc::new(clock)
}

/// A source of identifiers that counts up from 1000.
pub fn ids() -> Arc<MockIds> {
    let mut ids = MockIds::new();
    let mut next = 1000;
    ids.expect_next().returning(move || {
        next += 1;
        Uuid::from_u128(next - 1)
    });
    Arc::new(ids)
}

/// The events of a change by this user.
///
/// # Panics
/// Unless each is of [`EMERGENCY`], by this user and at [`now`].
pub fn events_of(change: &Change, actor: u128) -> Vec<Event> {
    events_by(change, Some(id(actor)))
}

/// The events of a change by the service itself; panics like [`events_of`].
pub fn events_of_service(change: &Change) -> Vec<Event> {
    events_by(change, None)
}

fn events_by(change: &Change, actor: Option<UserId>) -> Vec<Event> {
    assert_eq!((change.at, change.actor), (now(), actor));
    for event in &change.events {
        assert_eq!((event.at, event.emergency, event.actor), (now(), Some(id(EMERGENCY)), actor));
    }
    change.events.iter().map(|e| e.event.clone()).collect()
}

/// The emergency and the responses that the first write of a change updates.
///
/// # Panics
/// If the first write is another.
pub fn updated(change: &Change) -> (Emergency, Vec<Response>) {
    match &change.writes[0] {
        Write::UpdateEmergency { emergency, responses } => ((**emergency).clone(), responses.clone()),
        other => panic!("not an update of an emergency: {other:?}"),
    }
}
