//! Tracking of owners whose emergency follows them: which positions are sent to participants, when, and which of them may move the
//! stored place.
//!
//! Every node decides for the positions that it has stored which of them count, and passes those on to the others. A position may
//! come before the event that says that its user has raised an emergency, so the last one of every other user is kept for a moment.

use std::{
    collections::{BTreeSet, HashMap},
    mem,
};

use allynet_domain::{
    Call, EmergencyId, JumpFilter, Metres, Position, TimedPosition, Timestamp, UserId, moves::MIN_MOVE, port::Report,
    usecase::moves::OwnerPosition,
};
use chrono::TimeDelta;

use crate::{
    open_emergencies::{OpenEmergencies, moves::FollowedPlace},
    tracking::FixSource,
};

/// The least time between two updates about one owner.
const MIN_UPDATE_INTERVAL: TimeDelta = TimeDelta::seconds(1);
/// Minimum time for which the position of another user is kept: the delay by which a node may be behind the log.
const MAX_LOG_DELAY: TimeDelta = TimeDelta::seconds(2);

/// Where an owner is, to be sent to the participants now.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct OwnerUpdate {
    /// The emergency.
    pub emergency: EmergencyId,
    /// The owner's position.
    pub position: Position,
    /// Its distance from the stored place.
    pub moved_by: Metres,
    /// When the service received it.
    pub at: Timestamp,
    /// The node that stored it.
    pub source: FixSource,
}

/// The recent positions of owners whose emergency follows them, and what is due because of them.
///
/// Callers pass the current time. Memory: a few positions for each emergency that follows its owner, and the last position of
/// every other user who moved within the last four seconds.
#[derive(Debug, Default)]
pub struct OwnerTracker {
    tracks: HashMap<EmergencyId, Track>,
    /// Emergencies with a position that is not sent yet, by the time at which it may be sent.
    pending: BTreeSet<(Timestamp, EmergencyId)>,
    /// The newest positions that this node has stored, and that are far enough from their place to move it.
    moves: HashMap<EmergencyId, OwnerPosition>,
    /// The last positions of users whose emergency is not known, in two generations, so that expiry costs no search.
    recent: HashMap<UserId, Report>,
    earlier: HashMap<UserId, Report>,
    rotated_at: Option<Timestamp>,
}

#[derive(Debug)]
struct Track {
    filter: JumpFilter,
    /// The newest position that counts.
    latest: Option<(Position, Timestamp, FixSource)>,
    is_pending: bool,
    sent_at: Option<Timestamp>,
}

impl OwnerTracker {
    /// Takes in a position that this node has stored. Returns whether something may be due because of it.
    pub fn record(&mut self, open: &OpenEmergencies, report: &Report, now: Timestamp) -> bool {
        self.rotate(open, now);
        let Some(session) = report.session else { return false };
        let Some(place) = open.followed_by(report.fix.user, session) else {
            self.recent.insert(report.fix.user, *report);
            return false;
        };
        self.follow(place, report, now)
    }

    /// Takes in a position that another node has stored, and that counts. No-op for an emergency that is not known.
    pub fn receive(
        &mut self,
        open: &OpenEmergencies,
        emergency: EmergencyId,
        (position, at): (Position, Timestamp),
        now: Timestamp,
    ) {
        let Some(place) = open.followed_place(emergency) else { return };
        let track = self.tracks.entry(emergency).or_insert_with(|| Track::new(&place));
        if track.latest.is_some_and(|(_, latest, _)| latest > at) {
            return;
        }
        track.filter = JumpFilter::after(TimedPosition { position, received_at: at, taken_at: None });
        // The other node moves the place.
        self.moves.remove(&emergency);
        self.schedule(emergency, (position, at, FixSource::OtherNode), now);
    }

    /// Takes in the call of a new emergency: a position that was stored after it, but before this node knew of it, counts now.
    /// Returns whether something may be due.
    pub fn start(&mut self, open: &OpenEmergencies, call: &Call, now: Timestamp) -> bool {
        let earlier = self.earlier.remove(&call.owner.id);
        let Some(report) = self.recent.remove(&call.owner.id).or(earlier) else { return false };
        let Some(place) = report.session.and_then(|session| open.followed_by(call.owner.id, session)) else {
            return false;
        };
        report.fix.at >= call.created_at && self.follow(place, &report, now)
    }

    /// Takes out the updates that are due: the latest position for each emergency, at most once a second.
    pub fn take_due(&mut self, open: &OpenEmergencies, now: Timestamp) -> Vec<OwnerUpdate> {
        let mut due = Vec::new();
        while let Some(&(at, emergency)) = self.pending.first()
            // No entry lies further ahead than the interval, unless the clock was set back: then it is due, too.
            && (at <= now || at > now + MIN_UPDATE_INTERVAL)
        {
            self.pending.pop_first();
            due.extend(self.update(open, emergency, now));
        }
        due
    }

    /// When the next update is due, or `None` while there is none.
    pub fn next_due(&self) -> Option<Timestamp> {
        self.pending.first().map(|(at, _)| *at)
    }

    /// Takes out the positions that may move their place now: those of places that did not move within `interval`. Returns when
    /// the next one may, too, or `None` while there is none.
    pub fn take_moves(
        &mut self,
        open: &OpenEmergencies,
        interval: TimeDelta,
        now: Timestamp,
    ) -> (Vec<OwnerPosition>, Option<Timestamp>) {
        let (mut due, mut next): (Vec<_>, Option<Timestamp>) = (Vec::new(), None);
        self.moves.retain(|&emergency, owner| {
            let Some(place) = open.followed_place(emergency) else { return false };
            if place.place.distance_to(owner.position) <= MIN_MOVE {
                return false;
            }
            let at = place.moved_at.and_then(|at| at.checked_add_signed(interval)).unwrap_or(now);
            // It moved in the future: the clock was set back.
            if at <= now || place.moved_at.is_some_and(|at| at > now) {
                due.push(*owner);
                return false;
            }
            next = Some(next.map_or(at, |next| next.min(at)));
            true
        });
        (due, next)
    }

    /// Puts back a position that could not move its place yet, unless a newer one is there.
    pub fn put_back(&mut self, owner: OwnerPosition) {
        self.moves.entry(owner.emergency).or_insert(owner);
    }

    fn follow(&mut self, place: FollowedPlace, report: &Report, now: Timestamp) -> bool {
        let FollowedPlace { emergency, followed, .. } = place;
        let track = self.tracks.entry(emergency).or_insert_with(|| Track::new(&place));
        if !track.filter.accept(report.into()) {
            return false;
        }
        let (position, at) = (report.fix.position, report.fix.at);
        if place.place.distance_to(position) > MIN_MOVE {
            self.moves.insert(emergency, OwnerPosition { emergency, session: followed.session, position });
        } else {
            self.moves.remove(&emergency);
        }
        self.schedule(emergency, (position, at, FixSource::ThisNode), now);
        true
    }

    fn schedule(&mut self, emergency: EmergencyId, latest: (Position, Timestamp, FixSource), now: Timestamp) {
        let Some(track) = self.tracks.get_mut(&emergency) else { return };
        track.latest = Some(latest);
        if !track.is_pending {
            track.is_pending = true;
            let not_before = track.sent_at.map_or(now, |sent_at| sent_at + MIN_UPDATE_INTERVAL);
            self.pending.insert((not_before.max(now), emergency));
        }
    }

    /// The update about an emergency, or `None` if it has ended since: then no position may be sent any more.
    fn update(&mut self, open: &OpenEmergencies, emergency: EmergencyId, now: Timestamp) -> Option<OwnerUpdate> {
        let Some(place) = open.followed_place(emergency) else {
            self.tracks.remove(&emergency);
            self.moves.remove(&emergency);
            return None;
        };
        let track = self.tracks.get_mut(&emergency)?;
        (track.is_pending, track.sent_at) = (false, Some(now));
        let (position, at, source) = track.latest?;
        Some(OwnerUpdate { emergency, position, moved_by: place.place.distance_to(position), at, source })
    }

    /// Forgets positions that are too old for an emergency to come, and tracks of those that have ended.
    fn rotate(&mut self, open: &OpenEmergencies, now: Timestamp) {
        let rotated_at = *self.rotated_at.get_or_insert(now);
        if (now - rotated_at).abs() < MAX_LOG_DELAY {
            return;
        }
        self.rotated_at = Some(now);
        self.earlier = mem::take(&mut self.recent);
        // A pending track is removed when it is due, with its entry in `pending`.
        self.tracks.retain(|&emergency, track| track.is_pending || open.followed_place(emergency).is_some());
    }
}

impl Track {
    fn new(place: &FollowedPlace) -> Self {
        Self { filter: JumpFilter::after(place.followed.into()), latest: None, is_pending: false, sent_at: None }
    }
}

#[cfg(test)]
mod tests;
