//! How a search carries out decisions by gain: whom it rings, how far it has come, and when it decides again.

use chrono::TimeDelta;

use super::{Search, Surroundings};
use crate::{
    AlertPolicy, Metres, RecentRings, Recipient, Timestamp, UserId,
    alert_timing::later,
    dispatch::{Choice, Decision},
};

/// Minimum time between two decisions because of the position of a helper.
const POSITION_INTERVAL: TimeDelta = TimeDelta::seconds(5);
/// Minimum time between two decisions because a helper responds elsewhere.
pub const MIN_DECISION_INTERVAL: TimeDelta = TimeDelta::seconds(1);
/// Maximum number of emergencies that decide again because one helper responds elsewhere.
pub const MAX_DECIDED_AGAIN: u32 = 100;
/// Minimum time between two times at which the owner learns that no helper answered.
const UNANSWERED_INTERVAL: TimeDelta = TimeDelta::minutes(1);

/// A decision by gain, for the step that carries it out.
#[derive(Debug, Clone, PartialEq)]
pub struct Weighed {
    /// What was decided.
    pub decision: Decision,
    /// Whether a helper who was alerted has not answered.
    pub has_silent: bool,
    /// When the emergency was raised.
    pub created_at: Timestamp,
    /// The helper who became available, because of whom it was decided.
    pub joined: Option<UserId>,
}

impl Search {
    /// When the search was renewed last. `None` if it goes on since the emergency was raised.
    pub fn started_at(&self, now: Timestamp) -> Option<Timestamp> {
        self.renewed_at.filter(|at| *at <= now)
    }

    /// Begins the search with a first decision. Returns the alert radius, and the recipients to ring now; the others are held
    /// back.
    pub fn begin_by_gain(
        now: Timestamp,
        policy: &AlertPolicy,
        decision: &Decision,
        near: &[Recipient],
        rings: &[RecentRings],
    ) -> (Self, Metres, Vec<Recipient>) {
        let chosen = recipients(&decision.chosen, near);
        let radius = holding(policy, policy.radii()[0], &chosen);
        let is_exhausted = chosen.is_empty() && decision.passed.is_none();
        let mut search = Self {
            by_gain: true,
            wave_at: Some(later(now, policy.timing.interval)),
            decided_at: Some(now),
            decide_at: decision.decide_again_at,
            unanswered_at: is_exhausted.then_some(now),
            told_unanswered_at: is_exhausted.then_some(now),
            relaxed: decision.relaxed.iter().map(|skill| (*skill).to_owned()).collect(),
            ..Self::default()
        };
        let ring = search.hold_back(now, policy, chosen, rings);
        search.due_at = search.earliest(None);
        (search, radius, ring)
    }

    /// Makes a decision due now, because something changed that it depends on. No-op for a search by waves, or one that ended.
    pub fn decide_now(&mut self, now: Timestamp) {
        if self.by_gain {
            self.decide_at = Some(self.decide_at.map_or(now, |at| at.min(now)));
            self.due_at = self.earliest(None);
        }
    }

    /// Whether a position of a helper may lead to a decision at `now`.
    pub fn may_decide_on_position(&self, now: Timestamp) -> bool {
        self.decided_at.is_none_or(|at| later(at, POSITION_INTERVAL) <= now)
    }

    /// Whether the search waits for a renewal that is put off.
    fn waits(&self, now: Timestamp) -> bool {
        self.is_renewing && self.wave_at.is_some_and(|at| at > now)
    }

    /// The alert radius and the helpers that a decision adds.
    pub(super) fn carry_out(
        &mut self,
        now: Timestamp,
        policy: &AlertPolicy,
        around: Surroundings<'_>,
        weighed: &Weighed,
    ) -> (Metres, Vec<Recipient>) {
        self.by_gain = true;
        if self.waits(now) {
            self.decide_at = self.wave_at;
            return (around.radius, Vec::new());
        }
        self.decided_at = Some(now);
        self.relaxed = weighed.decision.relaxed.iter().map(|skill| (*skill).to_owned()).collect();
        // A response may stop counting as help without an event: the helper sends no position any more, or a completion has lapsed.
        self.decide_at = weighed.decision.decide_again_at.or_else(|| Some(later(now, policy.timing.interval)));
        let chosen = recipients(&weighed.decision.chosen, around.near);
        self.joined_later.extend(weighed.joined.filter(|joined| chosen.iter().any(|r| r.helper == *joined)));
        (holding(policy, around.radius, &chosen), chosen)
    }

    /// Whether no candidate is left and every alerted helper has answered, or an interval has passed since the last alert without an
    /// answer. Not within a minute after the owner learned of it: a later decision says so then.
    pub(super) fn is_unanswered_by_gain(
        &self,
        now: Timestamp,
        policy: &AlertPolicy,
        around: Surroundings<'_>,
        weighed: &Weighed,
    ) -> bool {
        let is_soon_again = self.told_unanswered_at.is_some_and(|at| later(at, UNANSWERED_INTERVAL) > now);
        if self.waits(now) || is_soon_again {
            return false;
        }
        if weighed.decision.passed.is_none() && !weighed.has_silent {
            return true;
        }
        let started_at = self.started_at(now).unwrap_or(weighed.created_at);
        let interval = policy.timing.interval;
        let last =
            around.alerts.iter().filter_map(|a| a.first_sent_at).max().map_or(started_at, |at| at.max(started_at));
        let intervals = i32::try_from(policy.radii().len()).unwrap_or(i32::MAX);
        let earliest = interval.checked_mul(intervals).map_or(Timestamp::MAX_UTC, |period| later(started_at, period));
        later(last, interval) <= now && earliest <= now
    }
}

/// The helpers of these choices, in their order.
fn recipients(chosen: &[Choice], near: &[Recipient]) -> Vec<Recipient> {
    chosen.iter().filter_map(|choice| near.iter().find(|r| r.helper == choice.helper)).copied().collect()
}

/// The smallest radius that holds all of these helpers and is not less than the present one.
fn holding(policy: &AlertPolicy, present: Metres, chosen: &[Recipient]) -> Metres {
    let farthest = chosen.iter().map(|r| r.distance.get()).fold(present.get(), f64::max);
    let holds = |radius: &&Metres| radius.get() >= farthest;
    policy.radii().iter().find(holds).copied().unwrap_or(if policy.largest() > present {
        policy.largest()
    } else {
        present
    })
}
