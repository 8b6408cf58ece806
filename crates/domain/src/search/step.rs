//! The parts of a step of a search: which helpers it rings, whether the search is unanswered, and when the next step is due.

use std::{collections::HashSet, mem};

use super::{HeldAlert, Search, Surroundings};
use crate::{
    Alert, AlertPolicy, AlertTiming, Metres, RecentRings, Recipient, Timestamp, UserId,
    alert_timing::{MAX_QUICK_REPEATS, later},
};

impl Search {
    /// The radius of this step, and the helpers to alert for the first time: those of the wave, if one is due, and a
    /// substitute for each place that was freed by silence.
    pub(super) fn choose(
        &mut self,
        now: Timestamp,
        is_wave: bool,
        policy: &AlertPolicy,
        around: Surroundings<'_>,
    ) -> (Metres, Vec<Recipient>) {
        let within = |radius: Metres| -> Vec<Recipient> {
            let near = self.candidates(around).filter(|r| r.distance <= radius);
            near.take(policy.wave_size() as usize).copied().collect()
        };
        let (mut radius, mut chosen) = (around.radius, Vec::new());
        if is_wave {
            // A radius that adds no helper is skipped at once.
            while chosen.is_empty()
                && let Some(next) = policy.next_radius(radius)
            {
                radius = next;
                chosen = within(radius);
            }
            if self.is_renewing && radius <= around.radius {
                chosen = within(radius);
            }
        }
        if mem::take(&mut self.looks_again) {
            // Those that a wave would have chosen now. More than a wave holds are never chosen, however often it looks.
            let first = around.near.iter().filter(|r| r.distance <= around.radius).take(policy.wave_size() as usize);
            let first: HashSet<UserId> = first.map(|r| r.helper).collect();
            let missed = self.candidates(around).filter(|r| first.contains(&r.helper) && !chosen.contains(r));
            let missed: Vec<Recipient> = missed.copied().collect();
            chosen.extend(missed);
        }
        let since = self.places_freed_until.unwrap_or(Timestamp::MIN_UTC);
        let freed_at = |a: &&Alert| a.first_sent_at.map(|at| later(at, policy.timing.place_after));
        let silent = around.alerts.iter().filter(|a| a.is_unreceived() && around.is_pending(a));
        let freed = silent.filter(|a| freed_at(a).is_some_and(|at| since < at && at <= now)).count();
        self.places_freed_until = Some(now);
        let substitutes = self.candidates(around).filter(|r| !chosen.contains(r)).take(freed);
        let substitutes: Vec<Recipient> = substitutes.copied().collect();
        chosen.extend(substitutes);
        (radius, chosen)
    }

    /// Alerted helpers to ring again.
    pub(super) fn repeated(
        &self,
        now: Timestamp,
        is_wave: bool,
        policy: &AlertPolicy,
        around: Surroundings<'_>,
    ) -> Vec<Recipient> {
        if !self.is_running() {
            return Vec::new();
        }
        let AlertTiming { interval, repeat_late, .. } = policy.timing;
        let renewed_at = self.renewed_at.filter(|&at| at <= now);
        let is_due = |alert: &Alert| {
            let Some(last) = alert.sent_at else { return false };
            let is_late = later(last, repeat_late) <= now;
            let is_unreceived = is_wave && alert.is_unreceived() && later(last, interval) <= now;
            let is_renewed = renewed_at.is_some_and(|at| last < at);
            (is_unreceived || is_renewed || (self.unanswered_at.is_some() && is_late))
                && (alert.repeats < MAX_QUICK_REPEATS || is_late)
        };
        around.pending().filter(|(_, alert)| is_due(alert)).map(|(recipient, _)| *recipient).collect()
    }

    /// Keeps back the helpers that the owner has rung too often, and returns the others.
    pub(super) fn hold_back(
        &mut self,
        now: Timestamp,
        policy: &AlertPolicy,
        chosen: Vec<Recipient>,
        rings: &[RecentRings],
    ) -> Vec<Recipient> {
        let mut ring = Vec::with_capacity(chosen.len());
        for recipient in chosen {
            let recent = rings.iter().find(|rings| rings.helper == recipient.helper);
            match recent.and_then(|recent| policy.storm.held_until(recent.count, recent.last, now)) {
                Some(due_at) => self.held.push(HeldAlert { recipient, due_at }),
                None => ring.push(recipient),
            }
        }
        ring
    }

    /// Takes the held alerts that are due. One whose helper is not available now stays for another period.
    pub(super) fn take_held(
        &mut self,
        now: Timestamp,
        policy: &AlertPolicy,
        around: Surroundings<'_>,
    ) -> Vec<Recipient> {
        let mut due = Vec::new();
        self.held.retain_mut(|held| {
            let helper = held.recipient.helper;
            if around.alerts.iter().any(|alert| alert.helper == helper) || around.responded.contains(&helper) {
                return false;
            }
            if held.due_at > now {
                return true;
            }
            match around.near.iter().find(|r| r.helper == helper) {
                Some(recipient) => due.push(*recipient),
                None => held.due_at = later(now, policy.storm.fold),
            }
            held.due_at > now
        });
        due
    }

    pub(super) fn is_unanswered(
        &self,
        now: Timestamp,
        radius: Metres,
        policy: &AlertPolicy,
        around: Surroundings<'_>,
        is_new: bool,
    ) -> bool {
        // The others may never be rung: their helpers are off duty, far away, or kept apart by a block.
        let is_near = |held: &HeldAlert| around.near.iter().any(|r| r.helper == held.recipient.helper);
        if !self.is_running() || self.unanswered_at.is_some() || is_new || self.held.iter().any(is_near) {
            return false;
        }
        if self.is_renewing && self.wave_at.is_some_and(|at| at > now) {
            return false;
        }
        if let Some(weighed) = around.weighed {
            return self.is_unanswered_by_gain(now, policy, around, weighed);
        }
        let last = around.alerts.iter().filter_map(|a| a.first_sent_at).chain(self.renewed_at).max();
        let is_late = last.is_none_or(|last| later(last, policy.timing.interval) <= now);
        self.is_exhausted(around) || (policy.next_radius(radius).is_none() && is_late)
    }

    /// Sets the time of the next wave after one that was due, and of the next step.
    #[expect(clippy::too_many_arguments, reason = "the facts and the outcome of one step")]
    pub(super) fn schedule(
        &mut self,
        now: Timestamp,
        is_wave: bool,
        radius: Metres,
        policy: &AlertPolicy,
        around: Surroundings<'_>,
        new: &[Recipient],
        again: &[Recipient],
    ) {
        let AlertTiming { interval, place_after, repeat_late, .. } = policy.timing;
        if is_wave {
            self.is_renewing = false;
            let rung = |helper| again.iter().any(|r| r.helper == helper);
            let is_repeated_soon = |alert: &Alert| {
                alert.is_unreceived() && alert.repeats + u16::from(rung(alert.helper)) < MAX_QUICK_REPEATS
            };
            let goes_on = (around.weighed.is_none() && policy.next_radius(radius).is_some())
                || self.unanswered_at.is_none()
                || !new.is_empty()
                || around.pending().any(|(_, alert)| is_repeated_soon(alert));
            // Otherwise the next repetition is a late one.
            let last_ring =
                |(_, alert): (&Recipient, &Alert)| if rung(alert.helper) { Some(now) } else { alert.sent_at };
            let late = around.pending().filter_map(last_ring).map(|at| later(at, repeat_late)).min();
            let soon = later(now, interval);
            self.wave_at = Some(if goes_on { soon } else { late.unwrap_or(later(now, repeat_late)).max(soon) });
        }
        // A freed place needs a step only if a helper is left to take it.
        let is_left = around.weighed.is_none()
            && self.is_running()
            && self.candidates(around).any(|candidate| !new.iter().any(|r| r.helper == candidate.helper));
        let silent = around.alerts.iter().filter(|a| a.is_unreceived() && around.is_pending(a));
        let freed = silent.filter_map(|a| a.first_sent_at).chain((!new.is_empty()).then_some(now));
        let freed = freed.map(|at| later(at, place_after)).filter(|&at| is_left && at > now).min();
        self.due_at = self.earliest(freed);
    }
}
