//! Tracking of helpers on their way: which positions are sent to participants, when, and the estimated arrival.
//!
//! A fix may come before the event that says that its user responds: the node that stored it may be behind the log. So
//! the last fix of every other user is kept for a moment, and used if the response turns out to be older than it.

use std::{
    collections::{BTreeSet, HashMap},
    mem,
};

use allynet_domain::{
    Approach, EmergencyId, Metres, Position, Timestamp, UserId,
    dispatch::{Journey, TravelModel},
    port::Fix,
};
use chrono::{SubsecRound as _, TimeDelta};

use crate::{
    open_emergencies::{OpenEmergencies, participation::Trip},
    pace::Pace,
};

/// The least time between two updates about one helper.
const MIN_UPDATE_INTERVAL: TimeDelta = TimeDelta::seconds(1);
/// Minimum time for which the fix of a user without a trip is kept: the delay by which a node may be behind the log.
const MAX_LOG_DELAY: TimeDelta = TimeDelta::seconds(2);
/// Within this distance of the emergency a helper has arrived.
const ARRIVAL_RADIUS: Metres = Metres::new(50.0);

/// The node that stored a position.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FixSource {
    /// This node, which passes it on to the others.
    ThisNode,
    /// Another node, which has passed it on to all.
    OtherNode,
}

/// A helper this far from where they were first seen has set out: less is an error of the phone.
const SET_OUT: Metres = Metres::new(20.0);
/// A longer way has no estimated arrival.
const MAX_TRAVEL_TIME: TimeDelta = TimeDelta::days(1);

/// An update that participants are to be sent now.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct TrackingUpdate {
    /// The position of the helper, with its time.
    pub approach: Approach,
    /// The node that stored the position.
    pub source: FixSource,
}

/// The recent positions of helpers on their way, and the updates that are due.
///
/// Callers pass the current time. Memory: the fixes of the last two minutes for each helper on a trip, and the last fix of
/// every other user who moved within the last four seconds.
#[derive(Debug, Default)]
pub struct HelperTracker {
    travel: TravelModel,
    tracks: HashMap<UserId, Track>,
    /// Helpers whose latest fix is not sent yet, by the time at which it may be sent.
    pending: BTreeSet<(Timestamp, UserId)>,
    /// The last fixes of users on no known trip, in two generations, so that expiry costs no search.
    recent: HashMap<UserId, (Fix, FixSource)>,
    earlier: HashMap<UserId, (Fix, FixSource)>,
    rotated_at: Option<Timestamp>,
}

#[derive(Debug)]
struct Track {
    emergency: EmergencyId,
    latest: Fix,
    source: FixSource,
    /// The first fix of the trip, and whether one was far enough from it.
    origin: Position,
    has_moved: bool,
    pace: Pace,
    is_pending: bool,
    sent_at: Option<Timestamp>,
}

impl HelperTracker {
    /// No positions yet. `travel` tells when helpers arrive who have not said so.
    pub fn new(travel: TravelModel) -> Self {
        Self { travel, ..Self::default() }
    }

    /// Takes in a stored position. Returns whether its user is on a trip, so that an update may be due.
    pub fn record(&mut self, open: &OpenEmergencies, fix: Fix, source: FixSource, now: Timestamp) -> bool {
        self.rotate(open, now);
        let trip = open.trip_of(fix.user);
        match trip {
            Some(trip) => self.follow(trip.emergency, fix, source, now),
            None => self.keep(fix, source, now),
        }
        trip.is_some()
    }

    /// Takes in the response of a helper: a fix that was recorded after the response, but before this node knew of it, is
    /// sent now.
    pub fn start_trip(&mut self, open: &OpenEmergencies, helper: UserId, now: Timestamp) {
        let Some(trip) = open.trip_of(helper) else { return };
        let earlier = self.earlier.remove(&helper);
        let Some((fix, source)) = self.recent.remove(&helper).or(earlier) else { return };
        // Where the helper was before they responded is private.
        if fix.at >= trip.responded_at {
            self.follow(trip.emergency, fix, source, now);
        }
    }

    /// Checks all recent fixes again, because more trips are known than when they were recorded.
    pub fn recheck(&mut self, open: &OpenEmergencies, now: Timestamp) {
        let users: Vec<_> = self.recent.keys().chain(self.earlier.keys()).copied().collect();
        for user in users {
            self.start_trip(open, user, now);
        }
    }

    /// Takes out the updates that are due: the latest fix of each helper on a trip, at most once a second.
    pub fn take_due(&mut self, open: &OpenEmergencies, now: Timestamp) -> Vec<TrackingUpdate> {
        let mut due = Vec::new();
        while let Some(&(at, helper)) = self.pending.first()
            // No entry lies further ahead than the interval, unless the clock was set back: then it is due, too, or it
            // would wait until the clock has caught up.
            && (at <= now || at > now + MIN_UPDATE_INTERVAL)
        {
            self.pending.pop_first();
            due.extend(self.update(open.trip_of(helper), helper, now));
        }
        due
    }

    /// When the next update is due, or `None` while no fix is pending.
    pub fn next_due(&self) -> Option<Timestamp> {
        self.pending.first().map(|(at, _)| *at)
    }

    fn follow(&mut self, emergency: EmergencyId, fix: Fix, source: FixSource, now: Timestamp) {
        let track = self.tracks.entry(fix.user).or_insert_with(|| Track::new(emergency, fix, source));
        if track.emergency != emergency {
            // Another trip: the pace of the one before says nothing of it. The limit of one update a second remains.
            let (is_pending, sent_at) = (track.is_pending, track.sent_at);
            *track = Track { is_pending, sent_at, ..Track::new(emergency, fix, source) };
        } else if fix.at > track.latest.at || track.latest.at > now {
            (track.latest, track.source) = (fix, source);
            track.has_moved |= track.origin.distance_to(fix.position) >= SET_OUT;
            track.pace.record(&fix);
        } else if track.sent_at.is_some() || track.is_pending {
            // Not newer than what was sent or will be: signals of other nodes may come late.
            return;
        }
        if !track.is_pending {
            track.is_pending = true;
            let not_before = track.sent_at.map_or(now, |sent_at| sent_at + MIN_UPDATE_INTERVAL);
            self.pending.insert((not_before.max(now), fix.user));
        }
    }

    /// The update about a helper, or `None` if the trip has ended since the fix: then no position may be sent any more.
    fn update(&mut self, trip: Option<Trip>, helper: UserId, now: Timestamp) -> Option<TrackingUpdate> {
        let travel = self.travel;
        let track = self.tracks.get_mut(&helper)?;
        let Some(trip) = trip.filter(|trip| trip.emergency == track.emergency) else {
            self.tracks.remove(&helper);
            return None;
        };
        (track.is_pending, track.sent_at) = (false, Some(now));
        let fix = track.latest;
        let distance = fix.position.distance_to(trip.destination);
        let estimated_arrival = trip.stated_arrival.or_else(|| track.arrival(&travel, trip, distance));
        let arrived = distance <= ARRIVAL_RADIUS;
        let approach = Approach { emergency: trip.emergency, fix, distance, estimated_arrival, arrived };
        Some(TrackingUpdate { approach, source: track.source })
    }

    fn keep(&mut self, fix: Fix, source: FixSource, now: Timestamp) {
        let known = self.recent.entry(fix.user).or_insert((fix, source));
        // As in the databases, a time in the future is that of a clock that was wrong.
        if known.0.at < fix.at || known.0.at > now {
            *known = (fix, source);
        }
    }

    /// Forgets fixes that are too old for a response to come, and tracks of trips that have ended.
    fn rotate(&mut self, open: &OpenEmergencies, now: Timestamp) {
        let rotated_at = *self.rotated_at.get_or_insert(now);
        // Until all open emergencies are known, any of these users may turn out to be on a trip.
        if !open.is_complete() || (now - rotated_at).abs() < MAX_LOG_DELAY {
            return;
        }
        self.rotated_at = Some(now);
        self.earlier = mem::take(&mut self.recent);
        let is_on_trip =
            |helper, track: &Track| open.trip_of(helper).is_some_and(|trip| trip.emergency == track.emergency);
        // A pending track is removed when it is due, with its entry in `pending`.
        self.tracks.retain(|&helper, track| track.is_pending || is_on_trip(helper, track));
    }
}

impl Track {
    fn new(emergency: EmergencyId, fix: Fix, source: FixSource) -> Self {
        let (origin, pace) = (fix.position, Pace::new(&fix));
        Self { emergency, latest: fix, source, origin, has_moved: false, pace, is_pending: false, sent_at: None }
    }

    /// The expected arrival of a helper at this distance, in whole seconds; `None` beyond a day.
    fn arrival(&self, travel: &TravelModel, trip: Trip, distance: Metres) -> Option<Timestamp> {
        let now = self.latest.at;
        let journey = Journey {
            accepted_at: trip.responded_at,
            transport: trip.transport,
            distance: Some(distance),
            has_moved: self.has_moved,
            speed: self.pace.speed(),
            estimated_arrival: None,
        };
        let seconds = travel.arrival_of_accepted(now, &journey);
        if seconds > MAX_TRAVEL_TIME.as_seconds_f64() {
            return None;
        }
        #[expect(clippy::cast_possible_truncation, reason = "at most a day")]
        now.trunc_subsecs(0).checked_add_signed(TimeDelta::seconds(seconds.round() as i64))
    }
}

#[cfg(test)]
mod tests;
