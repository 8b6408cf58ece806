//! Dispatch: one decision whom to alert, on as many candidates as a decision weighs up.

use std::{
    hint::black_box,
    time::{Duration, Instant},
};

use allynet_domain::{
    EmergencyType, Metres, Severity, Timestamp,
    dispatch::{
        AlertHistory, AlertedHelper, Candidate, DeviceHealth, GainPolicy, HelperFacts, HelperProgress, MAX_CANDIDATES,
        Situation, Transport, decide,
    },
};
use uuid::Uuid;

use super::BenchContext;
use crate::{
    server::Kind,
    sheet::{Sheet, Target},
    statistics::Times,
};

/// Helpers that were alerted and are silent.
const ALERTED: u32 = 12;

/// Runs the scenario.
pub(super) fn run(cx: &BenchContext) -> Vec<Sheet> {
    let mut sheet = Sheet::new(format!("a decision on {MAX_CANDIDATES} candidates"));
    let policy = GainPolicy::default();
    let decisions = cx.form.pick(2_000, 20_000);
    for (name, is_free) in [("at the usual price", false), ("free", true)] {
        let policy = GainPolicy { price: if is_free { 0.0 } else { policy.price }, ..policy.clone() };
        for _ in 0..cx.form.rounds() {
            let mut times = Times::default();
            for number in 0..decisions {
                times.add(time(number, &policy));
            }
            sheet.add(Kind::Rules, format!("{name}, median"), "µs", 1e3 * times.percentile(50));
            sheet.add(Kind::Rules, format!("{name}, 99th percentile"), "µs", 1e3 * times.percentile(99));
        }
        sheet.expect(Kind::Rules, &format!("{name}, 99th percentile"), Target::AtMost(200.0));
    }
    vec![sheet]
}

fn time(number: u32, policy: &GainPolicy) -> Duration {
    let situation = situation(number);
    let start = Instant::now();
    let decision = black_box(decide(Timestamp::UNIX_EPOCH, black_box(&situation), policy));
    let elapsed = start.elapsed();
    drop(decision);
    elapsed
}

/// Helpers within three kilometres, at other distances for each number.
fn situation(number: u32) -> Situation {
    let facts = |n: u32| {
        let distance = 50.0 + f64::from((n * 7_919 + number * 104_729) % 3_000);
        HelperFacts {
            distance: Metres::new(distance),
            transport: Transport::ALL[n as usize % Transport::ALL.len()],
            history: AlertHistory { alerts: n % 11, kept: n % 4 },
            device: DeviceHealth::default(),
        }
    };
    let candidate = |n: u32| Candidate {
        helper: Uuid::from_u128(n.into()).into(),
        facts: facts(n),
        is_proven: true,
        tier: None,
        skills: Vec::new(),
        joined_later: false,
        excluded: None,
    };
    let (alerted_at, acknowledged_at) = (Timestamp::UNIX_EPOCH, None);
    let alerted = |n: u32| AlertedHelper {
        helper: Uuid::from_u128(u128::from(n) + 1_000).into(),
        is_proven: true,
        counts_towards_cap: true,
        progress: HelperProgress::Silent { facts: facts(n), alerted_at, acknowledged_at },
    };
    Situation {
        kind: EmergencyType::Medical,
        severity: Severity::DEFAULT,
        is_critical: false,
        search_started_at: Timestamp::UNIX_EPOCH,
        candidates: (0..).take(MAX_CANDIDATES).map(candidate).collect(),
        alerted: (0..ALERTED).map(alerted).collect(),
        wave: None,
    }
}
