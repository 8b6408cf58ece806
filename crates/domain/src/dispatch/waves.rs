//! Waves: the nearest helpers within a radius, then within the next one, as a policy to compare with.
//!
//! The choice of [`Search`](crate::Search) without its repeats: a radius that adds no helper is skipped, a helper who declines
//! or whose devices stay silent frees a place, and waves stop while a helper responds.

use super::{
    Candidate, Choice, Decision, DispatchPolicy, Situation, Why,
    situation::{HelperProgress, WaveProgress},
};
use crate::{AlertPolicy, HelpersInRange, Metres, Recipient, Timestamp, alert_timing::later};

/// Alerts in waves.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct WavePolicy {
    /// Radii, sizes and times of the waves.
    pub alerts: AlertPolicy,
}

impl DispatchPolicy for WavePolicy {
    fn decide(&self, now: Timestamp, situation: &Situation) -> Decision {
        let near = self.near(situation);
        let is_searching = !situation.is_responded();
        let (mut chosen, wave) = match situation.wave {
            None => self.first_wave(now, &near),
            Some(last) if is_searching && now - last.at >= self.alerts.timing.interval => {
                self.next_wave(now, last, &near)
            }
            Some(last) => (Vec::new(), last),
        };
        if is_searching {
            let kept = situation.alerted.iter().filter(|helper| self.keeps_place(now, helper.progress)).count();
            let freed = wave.places.saturating_sub(kept + chosen.len());
            let substitutes: Vec<Recipient> =
                near.iter().filter(|r| !chosen.contains(r)).take(freed).copied().collect();
            chosen.extend(substitutes);
        }
        let choice = |recipient: Recipient| Choice {
            helper: recipient.helper,
            distance: recipient.distance,
            why: Why { arrival: 0.0, probability: 0.0, gain: 0.0 },
            reason: None,
        };
        let has_next = self.alerts.next_radius(wave.radius).is_some() || !near.is_empty();
        let decide_again_at = (is_searching && has_next).then(|| self.decide_again_at(now, situation, wave));
        let chosen = chosen.into_iter().map(choice).collect();
        Decision { chosen, passed: None, relaxed: Vec::new(), decide_again_at, wave: Some(wave) }
    }
}

impl WavePolicy {
    /// Helpers that may be alerted: proven ones first, each group by distance, then by id.
    fn near(&self, situation: &Situation) -> Vec<Recipient> {
        let may_help = |candidate: &&Candidate| {
            let is_near = candidate.facts.distance <= self.alerts.largest();
            let is_alerted = situation.alerted.iter().any(|helper| helper.helper == candidate.helper);
            candidate.excluded.is_none() && is_near && !is_alerted
        };
        let mut near: Vec<&Candidate> = situation.candidates.iter().filter(may_help).collect();
        near.sort_by(|a, b| {
            let by_distance = a.facts.distance.get().total_cmp(&b.facts.distance.get());
            b.is_proven.cmp(&a.is_proven).then(by_distance).then(a.helper.cmp(&b.helper))
        });
        near.into_iter().map(|candidate| Recipient::new(candidate.helper, candidate.facts.distance)).collect()
    }

    fn first_wave(&self, now: Timestamp, near: &[Recipient]) -> (Vec<Recipient>, WaveProgress) {
        let within =
            |radius: &Metres| u32::try_from(near.iter().filter(|r| r.distance <= *radius).count()).unwrap_or(u32::MAX);
        let counts = self.alerts.radii().iter().map(within).collect();
        let in_range = HelpersInRange { counts, nearest: near.to_vec(), skipped: Vec::new() };
        let first = self.alerts.first_wave(&in_range);
        let wave = WaveProgress { radius: first.radius, at: now, places: first.recipients.len() };
        (first.recipients, wave)
    }

    fn next_wave(&self, now: Timestamp, last: WaveProgress, near: &[Recipient]) -> (Vec<Recipient>, WaveProgress) {
        let (mut radius, mut chosen) = (last.radius, Vec::new());
        while chosen.is_empty()
            && let Some(next) = self.alerts.next_radius(radius)
        {
            radius = next;
            chosen = near.iter().filter(|r| r.distance <= radius).copied().collect();
        }
        chosen.truncate(self.alerts.wave_size() as usize);
        let places = last.places + chosen.len();
        (chosen, WaveProgress { radius, at: now, places })
    }

    fn keeps_place(&self, now: Timestamp, progress: HelperProgress) -> bool {
        match progress {
            HelperProgress::Silent { alerted_at, acknowledged_at: None, .. } => {
                now - alerted_at < self.alerts.timing.place_after
            }
            HelperProgress::Silent { .. } | HelperProgress::Coming(_) | HelperProgress::There => true,
            HelperProgress::Gone => false,
        }
    }

    fn decide_again_at(&self, now: Timestamp, situation: &Situation, wave: WaveProgress) -> Timestamp {
        let timing = self.alerts.timing;
        let silent_since = |progress| {
            if let HelperProgress::Silent { alerted_at, acknowledged_at: None, .. } = progress {
                Some(alerted_at)
            } else {
                None
            }
        };
        let silent = situation.alerted.iter().filter_map(|helper| silent_since(helper.progress));
        let freed = silent.chain([now]).map(|at| later(at, timing.place_after)).filter(|&at| at > now);
        freed.fold(later(wave.at, timing.interval), Timestamp::min)
    }
}
