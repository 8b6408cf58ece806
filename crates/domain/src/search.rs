//! The search for helpers of one emergency: its state, and the pure decision that every step of it takes.
//!
//! A search begins when the emergency is raised and runs while no helper responds. Each step alerts new helpers, rings
//! alerted ones again, or finds that no helper is left. The module calls no port: the use case loads the surroundings and commits.

mod gain;
mod step;

use std::collections::HashSet;

use serde::{Deserialize, Serialize};

pub use gain::{MAX_DECIDED_AGAIN, MIN_DECISION_INTERVAL, Weighed};

use crate::{
    Alert, AlertPolicy, DetailsHistory, Metres, RecentRings, Recipient, ResourceId, SkippedCounts, SkippedHelper,
    Timestamp, UserId,
    alert_timing::{MAX_QUICK_RENEWALS, later},
    dispatch::LoggedDecision,
};

/// An alert that is held back by [`StormLimit`](crate::StormLimit): its helper is chosen, but not alerted yet.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct HeldAlert {
    /// The helper, with the distance at which it was chosen.
    pub recipient: Recipient,
    /// When the helper is rung.
    pub due_at: Timestamp,
}

/// The announcement of an emergency to all helpers on duty, held back by [`StormLimit`](crate::StormLimit).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct HeldAnnouncement {
    /// When it is made.
    pub due_at: Timestamp,
    /// Number of helpers on duty within the alert radius when the emergency was raised.
    pub nearby_helpers: u32,
}

/// The state of a search. Stored as JSON: fields may be added, never renamed.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default)]
#[expect(clippy::struct_excessive_bools, reason = "independent facts that are stored together")]
pub struct Search {
    /// When a step is due. `None` while there is nothing to wait for. Stored in a column of its own, by which timers find it.
    #[serde(skip)]
    pub due_at: Option<Timestamp>,
    /// When the next wave or repetition is due. `None` while a helper responds.
    pub wave_at: Option<Timestamp>,
    /// When the search was renewed last. In the future for a renewal that has to wait.
    pub renewed_at: Option<Timestamp>,
    /// Whether the next wave is the first after a renewal.
    pub is_renewing: bool,
    /// Number of renewals because the last helper cancelled.
    pub cancellations: u16,
    /// When the search became unanswered. `None` again after a renewal or a new alert.
    pub unanswered_at: Option<Timestamp>,
    /// When the owner last learned that no helper answered. Kept through renewals and new alerts. Of decisions by gain only.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub told_unanswered_at: Option<Timestamp>,
    /// Places in waves that were freed by silence up to this time have a substitute.
    pub places_freed_until: Option<Timestamp>,
    /// Alerts that are held back.
    pub held: Vec<HeldAlert>,
    /// The announcement, while it is held back. Stays after the end of an emergency that was never announced.
    pub held_announcement: Option<HeldAnnouncement>,
    /// Whether the next step looks at the helpers within the present radius anew.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub looks_again: bool,
    /// Whether decisions by gain choose the helpers, and not waves.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub by_gain: bool,
    /// When the next decision by gain is due. `None` without such decisions.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub decide_at: Option<Timestamp>,
    /// When responses are checked next: no part of the search, but stored with it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub check_at: Option<Timestamp>,
    /// When it was last decided by gain.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub decided_at: Option<Timestamp>,
    /// Helpers that became available after the search had begun, and do not count towards its maximum.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub joined_later: Vec<UserId>,
    /// What is remembered of changes by the owner: no part of the search, but stored with it.
    #[serde(skip_serializing_if = "DetailsHistory::is_empty")]
    pub details: DetailsHistory,
    /// Whether the emergency was [thinned](crate::port::Retention::thin): no part of the search, but stored with it.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub is_thinned: bool,
    /// Skills that the kind of emergency requires, and that were not required at the last decision.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub relaxed: Vec<String>,
    /// Boxes to which no helper is sent: they were not there, or a helper took them along and does not come. No part of the search, but
    /// stored with it.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub unavailable_boxes: Vec<ResourceId>,
    /// Whether a box with a defibrillator is at the place. No part of the search, but stored with it.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub has_box: bool,
    /// The helpers that were passed over when those of the last wave were chosen.
    #[serde(skip_serializing_if = "SkippedCounts::is_empty")]
    pub skipped: SkippedCounts,
}

/// Why a search is renewed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RenewalCause {
    /// The last responding helper cancelled. Such renewals are limited, because helper and owner may be in league.
    HelperCancelled,
    /// The last responding helper may no longer help, the owner asks for more help, the end was undone, or a completed
    /// response no longer counts as help.
    Other,
}

/// The facts that a step is decided on.
#[derive(Debug, Clone, Copy)]
pub struct Surroundings<'a> {
    /// The alert radius.
    pub radius: Metres,
    /// The alerts sent so far, and declines.
    pub alerts: &'a [Alert],
    /// Available helpers within the largest radius: proven ones first, each group by distance. Holds alerted ones.
    pub near: &'a [Recipient],
    /// Helpers on duty that are passed over.
    pub skipped: &'a [SkippedHelper],
    /// Recent rings by the owner of the emergency.
    pub rings: &'a [RecentRings],
    /// Helpers that respond or have cancelled. They are not alerted again.
    pub responded: &'a HashSet<UserId>,
    /// The decision by gain, if not waves choose the helpers.
    pub weighed: Option<&'a Weighed>,
}

/// What a step does.
#[derive(Debug, Clone, PartialEq)]
pub struct Step {
    /// The alert radius from now on.
    pub radius: Metres,
    /// Whether a new wave begins.
    pub begins_wave: bool,
    /// Helpers to ring now, nearest first: new ones, and alerted ones again.
    pub ring: Vec<Recipient>,
    /// Whether the owner has to learn that no helper answered.
    pub is_unanswered: bool,
    /// The decision by gain, if it chose helpers.
    pub decision: Option<Box<LoggedDecision>>,
    /// The announcement that was held back, if it is made now.
    pub announcement: Option<HeldAnnouncement>,
}

impl Surroundings<'_> {
    fn alert(&self, helper: UserId) -> Option<&Alert> {
        self.alerts.iter().find(|alert| alert.helper == helper)
    }

    /// Whether this alert was sent, and its helper has neither declined nor responded.
    fn is_pending(&self, alert: &Alert) -> bool {
        alert.wave.is_some() && alert.declined_at.is_none() && !self.responded.contains(&alert.helper)
    }

    /// Available helpers with a pending alert.
    fn pending(&self) -> impl Iterator<Item = (&Recipient, &Alert)> {
        self.near.iter().filter_map(|r| Some((r, self.alert(r.helper).filter(|a| self.is_pending(a))?)))
    }
}

impl Search {
    /// Whether the search runs: no helper responds.
    pub const fn is_running(&self) -> bool {
        self.wave_at.is_some()
    }

    /// Whether the alert of this helper is held back.
    pub fn is_held(&self, helper: UserId) -> bool {
        self.held.iter().any(|held| held.recipient.helper == helper)
    }

    /// Whether anything is held back.
    pub const fn is_holding(&self) -> bool {
        !self.held.is_empty() || self.held_announcement.is_some()
    }

    /// Begins the search with a first wave within a radius. Returns the recipients to ring now; the others are held back.
    ///
    /// The next wave is due at once if none was chosen: the helpers who count within the radius may not be alerted.
    pub fn begin(
        now: Timestamp,
        policy: &AlertPolicy,
        radius: Metres,
        chosen: Vec<Recipient>,
        rings: &[RecentRings],
    ) -> (Self, Vec<Recipient>) {
        let is_passed_over = chosen.is_empty() && policy.next_radius(radius).is_some();
        let wave_at = if is_passed_over { now } else { later(now, policy.timing.interval) };
        let mut search = Self { wave_at: Some(wave_at), ..Self::default() };
        let ring = search.hold_back(now, policy, chosen, rings);
        search.places_freed_until = Some(now);
        let place_freed = (!ring.is_empty()).then(|| later(now, policy.timing.place_after));
        search.due_at = search.earliest(place_freed);
        (search, ring)
    }

    /// Announces the emergency to all helpers on duty, or holds that back if the owner has announced too many.
    pub fn announce(
        &mut self,
        now: Timestamp,
        policy: &AlertPolicy,
        owner: UserId,
        nearby_helpers: u32,
        rings: &[RecentRings],
    ) {
        let recent = rings.iter().find(|rings| rings.helper == owner);
        let due_at = recent.and_then(|recent| policy.storm.held_until(recent.count, recent.last, now));
        self.held_announcement = due_at.map(|due_at| HeldAnnouncement { due_at, nearby_helpers });
        self.due_at = self.due_at.into_iter().chain(due_at).min();
    }

    /// Stops waves and repetitions, because a helper responds. What is held back stays due, and so does a decision by gain.
    pub fn stop(&mut self) {
        (self.wave_at, self.is_renewing, self.looks_again) = (None, false, false);
        self.due_at = self.earliest(None);
    }

    /// Ends the search, with everything that is due.
    pub fn end(&mut self) {
        (self.wave_at, self.due_at, self.is_renewing, self.looks_again) = (None, None, false, false);
        (self.by_gain, self.decide_at, self.check_at) = (false, None, None);
        self.held.clear();
    }

    /// Renews the search. A step at [`Self::due_at`], which may be now, has to follow.
    pub fn renew(&mut self, now: Timestamp, policy: &AlertPolicy, cause: RenewalCause) {
        let mut begins = now;
        if cause == RenewalCause::HelperCancelled {
            self.cancellations = self.cancellations.saturating_add(1);
            if self.cancellations > MAX_QUICK_RENEWALS
                && let Some(last) = self.renewed_at
            {
                // One that waits already stays where it is: cancelling again and again must not put it off.
                begins = if last > now { last } else { begins.max(later(last, policy.timing.renewal_pause)) };
            }
        }
        (self.renewed_at, self.wave_at, self.is_renewing) = (Some(begins), Some(begins), true);
        (self.decide_at, self.joined_later) = (None, Vec::new());
        self.unanswered_at = None;
        self.due_at = self.earliest(None);
    }

    /// Makes a step due now that looks at the helpers within the present radius anew, because it may reach more of them. No-op
    /// while a helper responds.
    pub fn look_again(&mut self, now: Timestamp) {
        if self.is_running() {
            self.looks_again = true;
            self.due_at = Some(self.due_at.map_or(now, |due| due.min(now)));
        }
    }

    /// Takes everything that is due at `now`.
    pub fn step(&mut self, now: Timestamp, policy: &AlertPolicy, around: Surroundings<'_>) -> Step {
        if around.weighed.is_none() {
            // The service chose by gain before, or another node does.
            (self.by_gain, self.decide_at) = (false, None);
        }
        let is_wave = self.wave_at.is_some_and(|at| at <= now);
        let (radius, chosen) = match around.weighed {
            Some(weighed) => self.carry_out(now, policy, around, weighed),
            None if self.is_running() => self.choose(now, is_wave, policy, around),
            None => (around.radius, Vec::new()),
        };
        if is_wave || around.weighed.is_some() {
            let is_new = |skipped: &&SkippedHelper| {
                around.alert(skipped.helper).is_none() && !around.responded.contains(&skipped.helper)
            };
            let counted = if around.weighed.is_some() { policy.largest() } else { radius };
            self.skipped = SkippedCounts::within(counted, around.skipped.iter().filter(is_new));
        }
        let mut new = self.take_held(now, policy, around);
        new.extend(self.hold_back(now, policy, chosen, around.rings));
        let begins_wave = match around.weighed {
            Some(_) => !new.is_empty(),
            None => is_wave && (radius > around.radius || self.is_renewing),
        };
        let mut ring = self.repeated(now, is_wave, policy, around);
        // A decision may take one anew who was alerted before a renewal, and has completed since.
        ring.retain(|again| !new.iter().any(|taken| taken.helper == again.helper));
        if !new.is_empty() {
            self.unanswered_at = None;
        }
        let is_unanswered = self.is_unanswered(now, radius, policy, around, !new.is_empty());
        if is_unanswered {
            self.unanswered_at = Some(now);
            self.told_unanswered_at = around.weighed.map(|_| now);
        }
        let announcement = self.held_announcement.take_if(|held| held.due_at <= now);
        let decided = around.weighed.map(|weighed| &weighed.decision).filter(|decision| !decision.chosen.is_empty());
        let decision = decided.map(|decision| Box::new(decision.into()));
        self.schedule(now, is_wave, radius, policy, around, &new, &ring);
        ring.extend(new);
        ring.sort_by(|a, b| a.distance.get().total_cmp(&b.distance.get()));
        Step { radius, begins_wave, ring, is_unanswered, decision, announcement }
    }

    /// The substitute for a helper that declines or cancels. `None` if no helper is left, or the substitute is held back.
    pub fn substitute(&mut self, now: Timestamp, policy: &AlertPolicy, around: Surroundings<'_>) -> Option<Recipient> {
        let substitute = self.candidates(around).next().copied()?;
        self.add(now, policy, substitute, around.rings)
    }

    /// Adds one helper outside of a wave. Returns the helper, unless the alert is held back.
    pub fn add(
        &mut self,
        now: Timestamp,
        policy: &AlertPolicy,
        recipient: Recipient,
        rings: &[RecentRings],
    ) -> Option<Recipient> {
        let ring = self.hold_back(now, policy, vec![recipient], rings).pop();
        self.due_at = self.due_at.into_iter().chain(self.held.iter().map(|held| held.due_at)).min();
        if ring.is_some() {
            self.unanswered_at = None;
        }
        ring
    }

    /// Marks the search as unanswered if it has no helper left to alert, and every alerted helper has declined or responded.
    /// Returns `true` the first time only.
    pub fn exhaust(&mut self, now: Timestamp, around: Surroundings<'_>) -> bool {
        let is_first = self.is_running() && self.unanswered_at.is_none() && self.held.is_empty();
        let is_exhausted = is_first && self.is_exhausted(around);
        if is_exhausted {
            self.unanswered_at = Some(now);
        }
        is_exhausted
    }

    /// Helpers to alert for the first time, in the order of preference.
    fn candidates<'a>(&self, around: Surroundings<'a>) -> impl Iterator<Item = &'a Recipient> {
        let held: HashSet<UserId> = self.held.iter().map(|held| held.recipient.helper).collect();
        let known: HashSet<UserId> = around.alerts.iter().map(|alert| alert.helper).collect();
        around.near.iter().filter(move |r| {
            !known.contains(&r.helper) && !held.contains(&r.helper) && !around.responded.contains(&r.helper)
        })
    }

    fn is_exhausted(&self, around: Surroundings<'_>) -> bool {
        self.candidates(around).next().is_none() && !around.alerts.iter().any(|alert| around.is_pending(alert))
    }

    fn earliest(&self, place_freed: Option<Timestamp>) -> Option<Timestamp> {
        let announcement = self.held_announcement.map(|held| held.due_at);
        let held = self.held.iter().map(|held| held.due_at).chain(announcement);
        self.wave_at.into_iter().chain(self.decide_at).chain(held).chain(place_freed).min()
    }
}

#[cfg(test)]
mod tests;
