//! Helpers on their way: what the participants are told of their positions, when, and when they may be there.
//!
//! Pure bookkeeping with a clock that is handed in. Of each helper on their way the fixes of the last minute are kept in
//! memory, of all others the last one for a moment.

use std::collections::{BTreeSet, HashMap};

use allynet_domain::{Approach, EmergencyId, Metres, Origin, Timestamp, UserId, port::Fix};
use chrono::TimeDelta;

use crate::{LiveEmergencies, Trip};

mod pace;

use pace::Pace;

/// The least time from one telling about a helper to the next.
const INTERVAL: TimeDelta = TimeDelta::seconds(1);
/// How long a fix of somebody who is on no way is kept: by so much a node may be behind the log, and only then learns
/// that they are.
const LAG: TimeDelta = TimeDelta::seconds(2);
/// Whoever is as near as this has arrived.
const ARRIVED: Metres = Metres::new(50.0);

/// What this node knows of how helpers move.
#[derive(Debug, Default)]
pub struct Movements {
    tracks: HashMap<UserId, Track>,
    /// Whose latest fix is not told yet, by the time at which it may be.
    waiting: BTreeSet<(Timestamp, UserId)>,
    /// Of those who are on no way as far as is known here, in two generations.
    recent: HashMap<UserId, (Fix, Origin)>,
    earlier: HashMap<UserId, (Fix, Origin)>,
    turned_at: Option<Timestamp>,
}

#[derive(Debug)]
struct Track {
    emergency: EmergencyId,
    latest: Fix,
    origin: Origin,
    pace: Pace,
    waits: bool,
    told_at: Option<Timestamp>,
}

impl Movements {
    /// Somebody's position was stored. Tells whether they are on their way, as far as is known.
    pub fn moved(&mut self, live: &LiveEmergencies, fix: Fix, origin: Origin, now: Timestamp) -> bool {
        self.turn(live, now);
        let trip = live.trip_of(fix.user);
        match trip {
            Some(trip) => self.follow(trip.emergency, fix, origin, now),
            None => self.keep(fix, origin),
        }
        trip.is_some()
    }

    /// A helper says that they come. They may have moved since then, before this node learned of it.
    pub fn set_out(&mut self, live: &LiveEmergencies, helper: UserId, now: Timestamp) {
        let Some(trip) = live.trip_of(helper) else { return };
        let earlier = self.earlier.remove(&helper);
        let Some((fix, origin)) = self.recent.remove(&helper).or(earlier) else { return };
        if fix.at >= trip.since {
            self.follow(trip.emergency, fix, origin, now);
        }
    }

    /// All live emergencies are known now: others than thought may have been on their way.
    pub fn look_again(&mut self, live: &LiveEmergencies, now: Timestamp) {
        let sighted: Vec<_> = self.recent.keys().chain(self.earlier.keys()).copied().collect();
        for helper in sighted {
            self.set_out(live, helper, now);
        }
    }

    /// Takes out what is to be told now: of each helper on their way the latest, once a second at most.
    pub fn due(&mut self, live: &LiveEmergencies, now: Timestamp) -> Vec<Approach> {
        let mut due = Vec::new();
        while let Some(&(at, helper)) = self.waiting.first()
            && (at <= now || at > now + INTERVAL)
        {
            self.waiting.pop_first();
            due.extend(self.tell(live.trip_of(helper), helper, now));
        }
        due
    }

    /// When there is something to be told next.
    pub fn next(&self) -> Option<Timestamp> {
        self.waiting.first().map(|(at, _)| *at)
    }

    fn follow(&mut self, emergency: EmergencyId, fix: Fix, origin: Origin, now: Timestamp) {
        let track = self.tracks.entry(fix.user).or_insert_with(|| Track::new(emergency, fix, origin));
        if track.emergency != emergency {
            *track = Track { waits: track.waits, told_at: track.told_at, ..Track::new(emergency, fix, origin) };
        } else if fix.at > track.latest.at {
            (track.latest, track.origin) = (fix, origin);
            track.pace.moved(&fix);
        } else if track.told_at.is_some() || track.waits {
            return;
        }
        if !track.waits {
            track.waits = true;
            let not_before = track.told_at.map_or(now, |told| told + INTERVAL);
            self.waiting.insert((not_before.max(now), fix.user));
        }
    }

    fn tell(&mut self, trip: Option<Trip>, helper: UserId, now: Timestamp) -> Option<Approach> {
        let track = self.tracks.get_mut(&helper)?;
        let Some(trip) = trip.filter(|trip| trip.emergency == track.emergency) else {
            self.tracks.remove(&helper);
            return None;
        };
        (track.waits, track.told_at) = (false, Some(now));
        let (fix, origin) = (track.latest, track.origin);
        let distance = fix.position.distance_to(trip.destination);
        let estimated_arrival = trip.stated.or_else(|| track.pace.arrival(distance, fix.at));
        let arrived = distance <= ARRIVED;
        Some(Approach { emergency: trip.emergency, fix, distance, estimated_arrival, arrived, origin })
    }

    fn keep(&mut self, fix: Fix, origin: Origin) {
        let known = self.recent.entry(fix.user).or_insert((fix, origin));
        if known.0.at < fix.at {
            *known = (fix, origin);
        }
    }

    /// Forgets what is of no use any more.
    fn turn(&mut self, live: &LiveEmergencies, now: Timestamp) {
        let turned_at = *self.turned_at.get_or_insert(now);
        if !live.is_complete() || (now - turned_at).abs() < LAG {
            return;
        }
        self.turned_at = Some(now);
        self.earlier = std::mem::take(&mut self.recent);
        let is_followed = |helper, track: &Track| live.trip_of(helper).is_some_and(|t| t.emergency == track.emergency);
        self.tracks.retain(|&helper, track| track.waits || is_followed(helper, track));
    }
}

impl Track {
    fn new(emergency: EmergencyId, fix: Fix, origin: Origin) -> Self {
        Self { emergency, latest: fix, origin, pace: Pace::new(&fix), waits: false, told_at: None }
    }
}

#[cfg(test)]
mod tests;
