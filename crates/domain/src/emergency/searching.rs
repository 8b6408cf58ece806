//! The search for helpers, as part of an emergency.

use std::collections::HashSet;

use super::{Emergency, GainInput, ResponseStatus};
use crate::{
    Alert, AlertPolicy, RecentRings, Recipient, Refusal, RenewalCause, SkippedHelper, Step, Surroundings, Timestamp,
    UserId, Weighed,
};

impl Emergency {
    /// Renews the search. While it is active, [`Self::step_search`] has to follow.
    ///
    /// # Errors
    /// [`Refusal::EmergencyEnded`].
    pub fn renew_search(&mut self, now: Timestamp, policy: &AlertPolicy, cause: RenewalCause) -> Result<(), Refusal> {
        self.must_be_live()?;
        self.search.renew(now, policy, cause);
        Ok(())
    }

    /// Takes the step of the search that is due, and counts the helpers that it alerts first. The radius and the number of
    /// the wave move with it.
    ///
    /// `gain` is what a decision by gain is taken on, and `None` if waves choose the helpers.
    pub fn step_search(
        &mut self,
        now: Timestamp,
        policy: &AlertPolicy,
        gain: Option<GainInput<'_>>,
        (alerts, near): (&[Alert], &[Recipient]),
        (skipped, rings): (&[SkippedHelper], &[RecentRings]),
    ) -> Step {
        let responded = self.responded();
        let weighed = gain.map(|input| {
            let (decision, has_silent) = self.decide_by_gain(now, input);
            Weighed { decision, has_silent, created_at: self.call.created_at, joined: input.joined }
        });
        let (radius, responded, weighed) = (self.alert_radius, &responded, weighed.as_ref());
        let around = Surroundings { radius, alerts, near, skipped, rings, responded, weighed };
        let step = self.search.step(now, policy, around);
        self.alert_radius = step.radius;
        if step.begins_wave {
            self.alerts.wave = self.alerts.wave.saturating_add(1);
        }
        step
    }

    /// The helper to alert instead of one that declines or cancels.
    pub fn substitute(
        &mut self,
        now: Timestamp,
        policy: &AlertPolicy,
        alerts: &[Alert],
        near: &[Recipient],
        rings: &[RecentRings],
    ) -> Option<Recipient> {
        let responded = self.responded();
        let (radius, responded) = (self.alert_radius, &responded);
        let around = Surroundings { radius, alerts, near, skipped: &[], rings, responded, weighed: None };
        self.search.substitute(now, policy, around)
    }

    /// Marks the search as unanswered if it has no helper left to alert, and every alerted helper has declined or responded.
    /// Returns whether the owner has to learn of it.
    pub fn exhaust_search(&mut self, now: Timestamp, alerts: &[Alert], near: &[Recipient]) -> bool {
        let responded = self.responded();
        let (radius, responded) = (self.alert_radius, &responded);
        let around = Surroundings { radius, alerts, near, skipped: &[], rings: &[], responded, weighed: None };
        self.search.exhaust(now, around)
    }

    /// The helper, if it is to be rung now as one that came into range. `None` if the alert is held back.
    pub fn add_helper_in_range(
        &mut self,
        now: Timestamp,
        policy: &AlertPolicy,
        recipient: Recipient,
        rings: &[RecentRings],
    ) -> Option<Recipient> {
        self.search.add(now, policy, recipient, rings)
    }

    /// Makes a decision by gain due now, because something changed that it depends on. No-op for a search by waves.
    pub fn decide_soon(&mut self, now: Timestamp) {
        self.search.decide_now(now);
    }

    /// Whether all helpers on duty have been told of the emergency.
    pub const fn is_announced(&self) -> bool {
        self.search.held_announcement.is_none()
    }

    /// Drops an alert to this helper that is held back. It would never become due for a helper that a block separates, and
    /// the search would never be reported as unanswered.
    pub fn drop_held_alert(&mut self, helper: UserId) {
        self.search.held.retain(|held| held.recipient.helper != helper);
    }

    /// Whether a search leaves this helper out: it responds or has cancelled. One that has completed may be asked again.
    pub fn has_responded(&self, helper: UserId) -> bool {
        self.response(helper).is_some_and(|response| response.status != ResponseStatus::Completed)
    }

    /// Helpers that a search leaves out: those that respond or have cancelled. One that has completed may be asked again.
    fn responded(&self) -> HashSet<UserId> {
        let responses = self.responses.iter().filter(|r| r.status != ResponseStatus::Completed);
        responses.map(|r| r.helper.person.id).collect()
    }
}
