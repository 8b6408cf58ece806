//! Exact places that dispatchers were shown by events, until they are in the access logs of the users whose places they are.
//!
//! Remembers which are stored, so that a helper who moves costs an entry an hour and not one a second. Knows no database.

use std::collections::{HashMap, HashSet};

use allynet_domain::{LoggedEvent, ReadPlace, Timestamp, UserId, View, Viewer, port::Clock};
use parking_lot::Mutex;
use tokio::{sync::Notify, time::Instant};

use crate::session::device::Device;

/// The number of places that may wait to be stored. A dispatcher who is shown more is not shown anything further.
const MAX_WAITING: usize = 10_000;
/// The number of stored places that are remembered; then all are forgotten, which costs a statement for each.
const MAX_REMEMBERED: usize = 100_000;

/// A place and the administrator who was shown it.
type Reading = (UserId, ReadPlace);

/// The places that were shown on this node.
pub(crate) struct PlaceReadings {
    state: Mutex<State>,
    clock: std::sync::Arc<dyn Clock>,
    added: Notify,
}

#[derive(Default)]
struct State {
    /// The hour since 1970 of `stored`: a place that is shown in another hour is another entry.
    hour: i64,
    stored: HashSet<Reading>,
    waiting: HashSet<Reading>,
    /// When the first of those that wait was shown.
    since: Option<Instant>,
    /// Administrators who were shown more than may wait.
    overflowed: HashSet<UserId>,
}

/// What has to be stored now.
pub(crate) struct Waiting {
    /// The places by administrator.
    pub(crate) places: HashMap<UserId, Vec<ReadPlace>>,
    /// When the first of them was shown.
    pub(crate) since: Instant,
    /// Administrators some of whose readings are lost.
    pub(crate) overflowed: HashSet<UserId>,
}

impl PlaceReadings {
    /// Nothing was shown yet.
    pub(crate) fn new(clock: std::sync::Arc<dyn Clock>) -> Self {
        Self { state: Mutex::default(), clock, added: Notify::new() }
    }

    /// Notes that an event was sent to these devices in this view.
    pub(crate) fn note_event<'a>(
        &self,
        event: &LoggedEvent,
        view: View,
        devices: impl IntoIterator<Item = &'a Device>,
    ) {
        if view.viewer == Viewer::Administrator
            && let Some(place) = event.shown_place()
        {
            for device in devices {
                self.note(device.session.identity.user, place);
            }
        }
    }

    /// Notes that an administrator was shown a place. One's own is no secret.
    pub(crate) fn note(&self, reader: UserId, place: ReadPlace) {
        if place.user == reader {
            return;
        }
        let hour = hour(self.clock.now());
        let mut state = self.state.lock();
        if state.hour != hour || state.stored.len() >= MAX_REMEMBERED {
            state.hour = hour;
            state.stored.clear();
        }
        if state.stored.contains(&(reader, place)) {
            return;
        }
        if state.waiting.len() >= MAX_WAITING {
            state.overflowed.insert(reader);
        } else {
            state.waiting.insert((reader, place));
        }
        state.since.get_or_insert_with(Instant::now);
        self.added.notify_one();
    }

    /// Waits until something has to be stored. Cancel-safe.
    pub(crate) async fn added(&self) {
        self.added.notified().await;
    }

    /// Takes what has to be stored.
    pub(crate) fn take(&self) -> Option<Waiting> {
        let mut state = self.state.lock();
        let since = state.since.take()?;
        let overflowed = std::mem::take(&mut state.overflowed);
        let mut places: HashMap<UserId, Vec<ReadPlace>> = HashMap::new();
        for (reader, place) in state.waiting.drain() {
            places.entry(reader).or_default().push(place);
        }
        Some(Waiting { places, since, overflowed })
    }

    /// Remembers that these are stored as shown at this time. Without effect once another hour has begun.
    pub(crate) fn stored(&self, reader: UserId, places: Vec<ReadPlace>, at: Timestamp) {
        let mut state = self.state.lock();
        if state.hour == hour(at) {
            state.stored.extend(places.into_iter().map(|place| (reader, place)));
        }
    }
}

/// The hour since 1970.
fn hour(at: Timestamp) -> i64 {
    at.timestamp().div_euclid(3_600)
}

#[cfg(test)]
mod tests {
    use allynet_domain::{
        port::MockClock,
        testing::{ADMIN, EMERGENCY, GRACE_HOPPER, OWNER, at, id},
    };
    use std::sync::{
        Arc,
        atomic::{AtomicI64, Ordering::SeqCst},
    };

    use super::*;

    fn readings() -> (PlaceReadings, Arc<AtomicI64>) {
        let (mut clock, seconds) = (MockClock::new(), Arc::new(AtomicI64::new(0)));
        let now = seconds.clone();
        clock.expect_now().returning(move || at(now.load(SeqCst)));
        (PlaceReadings::new(Arc::new(clock)), seconds)
    }

    fn place(user: u128) -> ReadPlace {
        ReadPlace { user: id(user), emergency: id(EMERGENCY) }
    }

    fn taken(readings: &PlaceReadings) -> Vec<(UserId, usize)> {
        let waiting = readings.take();
        waiting
            .map_or_else(Vec::new, |of| of.places.into_iter().map(|(reader, places)| (reader, places.len())).collect())
    }

    #[test]
    fn a_place_waits_until_it_is_stored_and_then_not_for_an_hour() {
        let (readings, seconds) = readings();
        let admin = id(ADMIN);
        readings.note(admin, place(ADMIN));
        assert!(readings.take().is_none(), "one's own");
        for user in [OWNER, GRACE_HOPPER, OWNER] {
            readings.note(admin, place(user));
        }
        assert_eq!(taken(&readings), [(admin, 2)]);
        readings.note(admin, place(OWNER));
        assert_eq!(taken(&readings), [(admin, 1)], "it is not known to be stored");
        readings.stored(admin, vec![place(OWNER)], at(0));
        readings.note(admin, place(OWNER));
        assert!(readings.take().is_none());
        seconds.store(3_600, SeqCst);
        readings.note(admin, place(OWNER));
        assert_eq!(taken(&readings), [(admin, 1)]);
    }

    #[test]
    fn a_place_that_is_stored_after_the_hour_has_turned_is_stored_again() {
        let (readings, seconds) = readings();
        let admin = id(ADMIN);
        readings.note(admin, place(OWNER));
        assert_eq!(taken(&readings), [(admin, 1)]);
        seconds.store(3_600, SeqCst);
        readings.note(admin, place(GRACE_HOPPER));
        readings.stored(admin, vec![place(OWNER)], at(3_599));
        readings.note(admin, place(OWNER));
        assert_eq!(taken(&readings), [(admin, 2)]);
    }

    #[test]
    fn a_dispatcher_who_is_shown_more_than_can_wait_is_named() {
        let (readings, _) = readings();
        for n in 0..=MAX_WAITING as u128 {
            readings.note(id(ADMIN), place(1_000 + n));
        }
        let waiting = readings.take().unwrap();
        assert_eq!(waiting.places[&id(ADMIN)].len(), MAX_WAITING);
        assert!(waiting.overflowed.contains(&id(ADMIN)));
    }
}
