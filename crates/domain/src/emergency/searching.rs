//! The search for helpers, as part of an emergency.

use std::collections::HashSet;

use super::{Emergency, ResponseStatus};
use crate::{
    Alert, AlertPolicy, RecentRings, Recipient, Refusal, RenewalCause, SkippedHelper, Step, Surroundings, Timestamp,
    UserId,
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
    pub fn step_search(
        &mut self,
        now: Timestamp,
        policy: &AlertPolicy,
        alerts: &[Alert],
        near: &[Recipient],
        skipped: &[SkippedHelper],
        rings: &[RecentRings],
    ) -> Step {
        let responded = self.responded();
        let around = Surroundings { radius: self.alert_radius, alerts, near, skipped, rings, responded: &responded };
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
        let around =
            Surroundings { radius: self.alert_radius, alerts, near, skipped: &[], rings, responded: &responded };
        self.search.substitute(now, policy, around)
    }

    /// Marks the search as unanswered if it has no helper left to alert, and every alerted helper has declined or responded.
    /// Returns whether the owner has to learn of it.
    pub fn exhaust_search(&mut self, now: Timestamp, alerts: &[Alert], near: &[Recipient]) -> bool {
        let responded = self.responded();
        let around =
            Surroundings { radius: self.alert_radius, alerts, near, skipped: &[], rings: &[], responded: &responded };
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
