//! An emergency as a decision by gain sees it: who may be alerted, and how far those are who were.

use chrono::TimeDelta;

use super::{Emergency, Response, ResponseStatus, Search};
use crate::{
    Alert, Call, Position, Recipient, Timestamp, UserId,
    dispatch::{
        AlertedHelper, Candidate, CensusEntry, Decision, DispatchPolicy as _, GainPolicy, HelperProgress, Journey,
        Situation,
    },
};

/// The positions that tell how fast a helper moves are at most this old.
const SPEED_FROM_FIXES_OF: TimeDelta = TimeDelta::minutes(2);

/// What a decision by gain is taken on, beside the emergency itself.
#[derive(Debug, Clone, Copy)]
pub struct GainInput<'a> {
    /// What decides.
    pub policy: &'a GainPolicy,
    /// The place from which distances are judged.
    pub judged_place: Position,
    /// The alerts sent so far, and declines.
    pub alerts: &'a [Alert],
    /// Available helpers within the largest radius.
    pub near: &'a [Recipient],
    /// What is known of the helpers in `near`, and of the helpers of `alerts`.
    pub census: &'a [CensusEntry],
    /// A helper who has just become available, and does not count towards the maximum of the search.
    pub joined: Option<UserId>,
}

impl GainInput<'_> {
    /// The first decision of an emergency, before it is raised.
    pub fn first_decision(&self, call: &Call) -> Decision {
        let situation = self.situation(call, &Search::default(), &[], None, call.created_at);
        self.policy.decide(call.created_at, &situation)
    }

    /// The decision at `now`, of an emergency with these responses.
    fn decision(
        &self,
        call: &Call,
        search: &Search,
        responses: &[Response],
        discounted_at: Option<Timestamp>,
        now: Timestamp,
    ) -> (Decision, bool) {
        let situation = self.situation(call, search, responses, discounted_at, now);
        let is_silent = |helper: &AlertedHelper| matches!(helper.progress, HelperProgress::Silent { .. });
        (self.policy.decide(now, &situation), situation.alerted.iter().any(is_silent))
    }

    fn situation(
        &self,
        call: &Call,
        search: &Search,
        responses: &[Response],
        discounted_at: Option<Timestamp>,
        now: Timestamp,
    ) -> Situation {
        let started_at = search.started_at(now).unwrap_or(call.created_at);
        let place = call.details.location.position;
        let mut alerted: Vec<AlertedHelper> = Vec::new();
        for response in responses {
            let helper = response.helper.person.id;
            let alert = self.alerts.iter().find(|alert| alert.helper == helper);
            let is_of_search = alert.is_some_and(|alert| alert.first_sent_at >= Some(started_at));
            let progress = match progress(response, place, discounted_at, now) {
                Some(progress) => progress,
                // One who may be alerted anew is so once in a search.
                None if is_of_search => HelperProgress::Gone,
                None => continue,
            };
            alerted.push(self.alerted(helper, progress, is_of_search && !search.joined_later.contains(&helper)));
        }
        for alert in self.alerts.iter().filter(|alert| !responses.iter().any(|r| r.helper.person.id == alert.helper)) {
            let counts = alert.first_sent_at >= Some(started_at) && !search.joined_later.contains(&alert.helper);
            alerted.push(self.alerted(alert.helper, self.progress_of(alert), counts));
        }
        // A helper whose alert is held back takes a place like any other.
        for held in search.held.iter().filter(|held| !self.alerts.iter().any(|a| a.helper == held.recipient.helper)) {
            let facts = self.entry(held.recipient.helper).map(|entry| entry.facts(self.judged_place));
            let silent = |facts| HelperProgress::Silent { facts, alerted_at: now, acknowledged_at: None };
            alerted.push(self.alerted(held.recipient.helper, facts.map_or(HelperProgress::Gone, silent), true));
        }
        let details = &call.details;
        Situation {
            kind: details.kind,
            severity: details.severity,
            is_critical: details.is_critical(),
            search_started_at: started_at,
            candidates: self.candidates(&alerted),
            alerted,
            wave: None,
        }
    }

    fn candidates(&self, alerted: &[AlertedHelper]) -> Vec<Candidate> {
        let is_open = |recipient: &&Recipient| !alerted.iter().any(|helper| helper.helper == recipient.helper);
        let candidate = |recipient: &Recipient| {
            let entry = self.entry(recipient.helper)?;
            Some(Candidate {
                helper: entry.helper,
                facts: entry.facts(self.judged_place),
                is_proven: entry.is_proven,
                tier: entry.tier,
                skills: entry.skills.clone(),
                joined_later: self.joined == Some(entry.helper),
                excluded: None,
            })
        };
        self.near.iter().filter(is_open).filter_map(candidate).collect()
    }

    fn alerted(&self, helper: UserId, progress: HelperProgress, counts_towards_cap: bool) -> AlertedHelper {
        // Of whom nothing is known, nobody relies on: that leads to more alerts.
        let is_proven = self.entry(helper).is_some_and(|entry| entry.is_proven);
        AlertedHelper { helper, is_proven, counts_towards_cap, progress }
    }

    /// How far a helper is who has not responded.
    fn progress_of(&self, alert: &Alert) -> HelperProgress {
        let entry = self.entry(alert.helper).filter(|entry| !entry.is_gone && alert.declined_at.is_none());
        match (entry, alert.first_sent_at) {
            (Some(entry), Some(alerted_at)) => HelperProgress::Silent {
                facts: entry.facts(self.judged_place),
                alerted_at,
                acknowledged_at: alert.acknowledged_at.or(alert.received_at),
            },
            _ => HelperProgress::Gone,
        }
    }

    fn entry(&self, helper: UserId) -> Option<&CensusEntry> {
        self.census.iter().find(|entry| entry.helper == helper)
    }
}

impl Emergency {
    /// The decision by gain at `now`, and whether a helper who was alerted has not answered.
    pub(super) fn decide_by_gain(&self, now: Timestamp, input: GainInput<'_>) -> (Decision, bool) {
        input.decision(&self.call, &self.search, &self.responses, self.renewed_at, now)
    }
}

/// How far a helper is who has responded. `None` for one who may be alerted anew.
fn progress(
    response: &Response,
    place: Position,
    discounted_at: Option<Timestamp>,
    now: Timestamp,
) -> Option<HelperProgress> {
    let is_discounted = |since: Timestamp| discounted_at.is_some_and(|discounted| since <= discounted);
    let is_there = response.is_there(place, now);
    match response.status {
        // Who cancelled because they were not needed may be alerted anew.
        ResponseStatus::Cancelled => response.record.dispatch.stood_down_at.is_none().then_some(HelperProgress::Gone),
        ResponseStatus::Completed => {
            let counts = response.record.counts_until.is_some_and(|until| until > now);
            (counts && !is_discounted(response.counts_since())).then_some(HelperProgress::There)
        }
        _ if is_there && !is_discounted(response.counts_since()) => Some(HelperProgress::There),
        _ if response.is_stalled() || is_discounted(response.responded_at) => Some(HelperProgress::Gone),
        ResponseStatus::Responding | ResponseStatus::OnWay | ResponseStatus::Arrived => {
            Some(HelperProgress::Coming(journey(response, place, now)))
        }
    }
}

pub(super) fn journey(response: &Response, place: Position, now: Timestamp) -> Journey {
    let dispatch = &response.record.dispatch;
    let is_recent = |at: Timestamp| now - at <= SPEED_FROM_FIXES_OF;
    let speed = if dispatch.moved_at.is_some_and(is_recent) {
        dispatch.speed.map(|millimetres| f64::from(millimetres) / 1_000.0)
    } else {
        // Positions that show no way tell that the helper stands.
        response.last_fix.filter(|(_, at)| is_recent(*at)).map(|_| 0.0)
    };
    Journey {
        accepted_at: response.responded_at,
        transport: response.transport,
        distance: response.last_fix.map(|(position, _)| place.distance_to(position)),
        has_moved: dispatch.has_moved,
        speed,
        estimated_arrival: response.estimated_arrival,
    }
}

#[cfg(test)]
mod tests;
