//! Helpers and emergencies around which decisions are tested.

mod deciding;
mod models;
mod properties;
mod team;
mod waves;

use super::*;
use crate::{
    EmergencyType, Metres, Severity, Tier, Timestamp, UserId,
    testing::{at, id},
};

/// A proven helper on foot without history.
fn candidate(n: u128, metres: f64) -> Candidate {
    let facts = HelperFacts {
        distance: Metres::new(metres),
        transport: Transport::Foot,
        history: AlertHistory::default(),
        device: DeviceHealth::default(),
    };
    Candidate {
        helper: id(n),
        facts,
        is_proven: true,
        tier: None,
        skills: Vec::new(),
        joined_later: false,
        excluded: None,
    }
}

/// A helper that was alerted.
fn alerted(n: u128, progress: HelperProgress) -> AlertedHelper {
    AlertedHelper { helper: id(n), is_proven: true, counts_towards_cap: true, progress }
}

fn silent(n: u128, metres: f64, since: Timestamp) -> AlertedHelper {
    let facts = candidate(n, metres).facts;
    alerted(n, HelperProgress::Silent { facts, alerted_at: since, acknowledged_at: Some(since) })
}

/// Somebody who accepted at the beginning, on foot and without a position.
fn coming(n: u128, arrives_at: Timestamp) -> AlertedHelper {
    let journey = Journey {
        accepted_at: at(0),
        transport: Transport::Foot,
        distance: None,
        has_moved: false,
        speed: None,
        estimated_arrival: Some(arrives_at),
    };
    alerted(n, HelperProgress::Coming(journey))
}

/// An emergency with these helpers around it, whose search began at the first moment.
fn situation(kind: EmergencyType, candidates: Vec<Candidate>) -> Situation {
    Situation {
        kind,
        severity: Severity::DEFAULT,
        is_critical: false,
        search_started_at: at(0),
        candidates,
        alerted: Vec::new(),
        wave: None,
    }
}

fn chosen(decision: &Decision) -> Vec<UserId> {
    decision.chosen.iter().map(|choice| choice.helper).collect()
}

fn helpers(ids: &[u128]) -> Vec<UserId> {
    ids.iter().map(|&n| id(n)).collect()
}
