//! Checks on the simulator itself: what is known without it has to come out of it.

use std::time::Instant;

use allynet_domain::{
    EmergencyType, Metres, Severity,
    dispatch::{
        AlertHistory, Candidate, Coverage, DeviceHealth, GainPolicy, HelperFacts, MAX_CANDIDATES, Presence, Situation,
        Transport, decide,
    },
};
use serde_json::{Value, json};

use crate::{
    incident::play,
    policy::{Competitor, all},
    random::Stream,
    run::{ranking, run},
    statistics::as_f64,
    view::{timestamp, user},
    world::{ABORTS, ACCEPTANCE, BASE, Cell, DECAY, Field, Incident, RADIUS, Scenario},
};

/// What a check found.
pub(crate) struct Check {
    pub(crate) name: &'static str,
    pub(crate) is_ok: bool,
    pub(crate) detail: String,
}

impl Check {
    pub(crate) fn json(&self) -> Value {
        json!({ "name": self.name, "ok": self.is_ok, "detail": self.detail })
    }
}

/// Runs all checks with this many samples of each. The closed form is compared by a hundred times as many incidents; with
/// less than 100 samples they would not tell, and it is left out.
pub(crate) fn checks(seed: u64, samples: usize) -> Vec<Check> {
    let form = (samples >= 100).then(|| closed_form(seed, 100 * samples));
    let others = [
        greedy(seed, samples),
        monotone(seed, samples),
        only_one(seed, samples),
        permutation(seed, samples / 10),
        prices(seed),
    ];
    form.into_iter().chain(others).collect()
}

fn check(name: &'static str, is_ok: bool, detail: String) -> Check {
    Check { name, is_ok, detail }
}

/// Of a Poisson field of which everybody is alerted, the helpers who arrive by t are Poisson, too.
fn closed_form(seed: u64, incidents: usize) -> Check {
    const TIMES: [f64; 5] = [180.0, 300.0, 480.0, 720.0, 1_200.0];
    const DENSITY: f64 = 0.5;
    let scenario = Scenario { ambulance: None, ..BASE };
    let cell = Cell { field: Field::Poisson, scenario, density: DENSITY };
    let everybody = |cell: &Cell| all(&cell.scenario).into_iter().take(1).collect::<Vec<Competitor>>();
    let results = run(seed, &[cell], incidents, everybody);
    let outcomes = &results[0].outcomes[0];
    // The mean area of those who arrive, over the ways in which helpers differ.
    let mut stream = Stream::of(&[seed, 0xc105]);
    let draws: Vec<(f64, f64)> = (0..200_000)
        .map(|_| {
            let (pace, preparation) = match stream.unit() {
                u if u < 0.62 => (1.8, 0.0),
                u if u < 0.80 => (3.9, 25.0),
                _ => (6.5, 60.0),
            };
            let turnout = stream.log_normal(105.0, 0.55);
            let detour = stream.log_normal(1.5, 0.25).max(1.05);
            (turnout + preparation, stream.log_normal(pace, 0.35) / detour)
        })
        .collect();
    let mut worst = 0.0_f64;
    let mut found = Vec::new();
    for time in TIMES {
        let area = |&(before, pace): &(f64, f64)| {
            let reach = ((time - before).max(0.0) * pace).min(RADIUS) / DECAY;
            2.0 * std::f64::consts::PI * DECAY * DECAY * (1.0 - (1.0 + reach) * (-reach).exp())
        };
        let area = draws.iter().map(area).sum::<f64>() / as_f64(draws.len());
        let expected = 1.0 - (-DENSITY * 1e-6 * ACCEPTANCE * (1.0 - ABORTS) * area).exp();
        let helped = outcomes.iter().filter(|outcome| outcome.is_helped && outcome.seconds <= time).count();
        let share = as_f64(helped) / as_f64(outcomes.len());
        worst = worst.max((share - expected).abs());
        found.push(format!("{time} s: {:.1} % of {:.1} %", 100.0 * share, 100.0 * expected));
    }
    check("closed form for everybody, within a point", worst < 0.01, found.join(", "))
}

/// Candidates as they may be around an incident.
fn pool(stream: &mut Stream, count: usize) -> Situation {
    let candidate = |n: usize, stream: &mut Stream| {
        let (x, y) = stream.in_disc(3_000.0);
        let alerts = u32::try_from(stream.below(12)).unwrap_or(0);
        Candidate {
            helper: user(n),
            facts: HelperFacts {
                distance: Metres::new(x.hypot(y)),
                transport: Transport::ALL[stream.below(3)],
                history: AlertHistory { alerts, kept: u32::try_from(stream.below(5)).unwrap_or(0).min(alerts) },
                device: DeviceHealth::default(),
            },
            is_proven: true,
            tier: None,
            skills: Vec::new(),
            joined_later: false,
            excluded: None,
        }
    };
    Situation {
        kind: EmergencyType::Medical,
        severity: Severity::DEFAULT,
        is_critical: false,
        search_started_at: timestamp(0.0, false),
        candidates: (0..count).map(|n| candidate(n, stream)).collect(),
        alerted: Vec::new(),
        wave: None,
    }
}

fn greedy(seed: u64, samples: usize) -> Check {
    let mut stream = Stream::of(&[seed, 0x93ee]);
    let mut worst = 1.0_f64;
    for _ in 0..samples {
        let count = 1 + stream.below(10);
        let situation = pool(&mut stream, count);
        let price = 1.0 + 40.0 * stream.unit();
        let policy = GainPolicy { price, min_helpers: 0, ..GainPolicy::default() };
        let everybody = decide(timestamp(0.0, false), &situation, &GainPolicy { price: 0.0, ..policy.clone() });
        let presences: Vec<Presence> =
            everybody.chosen.iter().map(|c| Presence::coming(c.why.probability, c.why.arrival)).collect();
        let worth = |presences: &[Presence]| {
            let mut coverage = Coverage::new(Some(&policy.ambulance), false);
            let before = coverage.seconds();
            for presence in presences {
                coverage.add(presence);
            }
            before - coverage.seconds() - price * as_f64(presences.len())
        };
        let subset = |mask: usize| -> Vec<Presence> {
            presences.iter().enumerate().filter(|(n, _)| mask >> n & 1 == 1).map(|(_, presence)| *presence).collect()
        };
        let best = (0..1_usize << presences.len()).map(|mask| worth(&subset(mask))).fold(0.0, f64::max);
        let chosen = decide(timestamp(0.0, false), &situation, &policy).chosen;
        let taken: Vec<Presence> = chosen.iter().map(|c| Presence::coming(c.why.probability, c.why.arrival)).collect();
        if best > 1e-6 {
            worst = worst.min(worth(&taken) / best);
        }
    }
    check(
        "greedy is 0.99 of the best of up to ten candidates",
        worst >= 0.99,
        format!("{worst:.4} at the worst of {samples}"),
    )
}

fn monotone(seed: u64, samples: usize) -> Check {
    let mut stream = Stream::of(&[seed, 0x3070]);
    let mut is_ok = true;
    for _ in 0..samples {
        let mut coverage = Coverage::new(None, stream.chance(0.5));
        let mut before = coverage.seconds();
        for _ in 0..8 {
            coverage.add(&Presence::coming(stream.unit(), 3_000.0 * stream.unit()));
            is_ok &= coverage.seconds() <= before + 1e-9;
            before = coverage.seconds();
        }
    }
    check("a helper more never makes the expected time longer", is_ok, format!("{samples} sequences of eight helpers"))
}

/// With one helper next door and no box, all policies do the same.
fn only_one(seed: u64, samples: usize) -> Check {
    let cell = Cell { field: Field::Poisson, scenario: BASE, density: 0.05 };
    // At a high price and without a minimum it may be that nobody is asked.
    let mut competitors = all(&BASE);
    competitors.retain(|competitor| competitor.label.minimum != Some(0));
    let mut found = 0;
    let is_ok = (0..samples as u64).all(|number| {
        let mut incident = Incident::draw(seed, &cell, number);
        incident.helpers.truncate(1);
        let Some(only) = incident.helpers.first_mut() else { return true };
        let shrink = 300.0 / only.known_distance;
        (only.place, only.known_distance) = ((only.place.0 * shrink, only.place.1 * shrink), 300.0);
        incident.boxes.clear();
        found += 1;
        let ranking = ranking(&incident);
        let mut outcomes = competitors.iter().map(|competitor| play(&incident, &ranking, &*competitor.policy));
        let first = outcomes.next();
        outcomes.all(|outcome| Some(outcome) == first)
    });
    check("with one helper within 400 m all policies agree", is_ok && 2 * found > samples, format!("{found} incidents"))
}

fn permutation(seed: u64, samples: usize) -> Check {
    let cell = Cell { field: Field::Poisson, scenario: BASE, density: 3.2 };
    let competitors = all(&BASE);
    let is_ok = (0..samples as u64).all(|number| {
        let incident = Incident::draw(seed, &cell, number);
        let mut turned = incident.clone();
        let half = turned.helpers.len() / 2;
        turned.helpers.rotate_left(half);
        competitors.iter().all(|competitor| {
            let played = |incident: &Incident| play(incident, &ranking(incident), &*competitor.policy);
            played(&incident) == played(&turned)
        })
    });
    check("the ids of helpers change nothing", is_ok, format!("{samples} incidents under every policy"))
}

fn prices(seed: u64) -> Check {
    let mut stream = Stream::of(&[seed, 0x9817]);
    let situation = pool(&mut stream, 2 * MAX_CANDIDATES);
    let count = |price: f64| {
        let policy = GainPolicy { price, max_per_decision: 1_000, max_per_search: 1_000, ..GainPolicy::default() };
        decide(timestamp(0.0, false), &situation, &policy).chosen.len()
    };
    let (free, dear) = (count(0.0), count(f64::INFINITY));
    let is_ok = free == MAX_CANDIDATES && dear == GainPolicy::default().min_helpers;
    check("price 0 is all of the candidates, an infinite one the minimum", is_ok, format!("{free} and {dear}"))
}

/// Microseconds of a decision about sixty candidates: median and 99th percentile.
pub(crate) fn speed(seed: u64, decisions: usize) -> (f64, f64) {
    const REPEATS: usize = 5;
    let mut stream = Stream::of(&[seed, 0x57ee]);
    let policy = GainPolicy::default();
    let once = |situation: &Situation| {
        let start = Instant::now();
        let decision = std::hint::black_box(decide(timestamp(0.0, false), situation, &policy));
        let elapsed = start.elapsed().as_secs_f64() * 1e6;
        drop(decision);
        elapsed
    };
    // The fastest of some, so that other work of the machine does not count.
    let fastest = |situation: &Situation| (0..REPEATS).map(|_| once(situation)).fold(f64::INFINITY, f64::min);
    let micros: Vec<f64> = (0..decisions).map(|_| fastest(&pool(&mut stream, MAX_CANDIDATES))).collect();
    (crate::statistics::percentile(&micros, 50), crate::statistics::percentile(&micros, 99))
}
