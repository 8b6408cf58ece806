//! What is measured of each policy in each cell, the paired differences, and the claims that follow from them.

use serde_json::{Value, json};

use crate::{
    incident::Outcome,
    policy::Label,
    run::CellResult,
    statistics::{Bootstrap, Interval, as_f64, half_interval, mean, percentile},
    world::{Cell, Field, INCIDENTS_PER_YEAR},
};

/// Helpers beyond this number are surplus: the team of a medical emergency.
const TEAM: u32 = 4;
const WITHIN: f64 = 300.0;

/// Ours beside a published policy, on the same incidents: negative is better.
pub(crate) struct Pair {
    pub(crate) ours: Label,
    pub(crate) against: Label,
    pub(crate) seconds: Interval,
    pub(crate) alerts: Interval,
}

/// A published policy that ours is better than at a price: neither more alerts nor more time, and certainly less of one.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Claim {
    pub(crate) against: &'static str,
    pub(crate) price: f64,
}

pub(crate) fn pairs(seed: u64, result: &CellResult) -> Vec<Pair> {
    let bootstrap = Bootstrap::new(seed, result.outcomes.first().map_or(0, Vec::len));
    let is_ours = |label: &Label| label.policy == "gain";
    let all = || result.labels.iter().zip(&result.outcomes);
    let mut pairs = Vec::new();
    for (ours, a) in all().filter(|(label, _)| is_ours(label)) {
        for (against, b) in all().filter(|(label, _)| !is_ours(label)) {
            let difference = |of: &dyn Fn(&Outcome) -> f64| {
                let differences: Vec<f64> = a.iter().zip(b).map(|(a, b)| of(a) - of(b)).collect();
                bootstrap.interval(&differences)
            };
            let seconds = difference(&|outcome| outcome.seconds);
            let alerts = difference(&|outcome| f64::from(outcome.alerts));
            pairs.push(Pair { ours: *ours, against: *against, seconds, alerts });
        }
    }
    pairs
}

impl Pair {
    /// Whether ours is better: Pareto dominance, certain for one of the two.
    pub(crate) fn is_better(&self) -> bool {
        let is_no_worse = self.seconds.mean <= 0.0 && self.alerts.mean <= 0.0;
        is_no_worse && (self.seconds.high < 0.0 || self.alerts.high < 0.0)
    }

    fn is_of_claim(&self) -> bool {
        self.ours.variant.is_none() && self.ours.minimum == Some(0)
    }
}

/// For each published policy that ours is better than, the price at which it saves the most time.
pub(crate) fn claims(pairs: &[Pair]) -> Vec<Claim> {
    let mut claims: Vec<(f64, Claim)> = Vec::new();
    for pair in pairs.iter().filter(|pair| pair.is_of_claim() && pair.is_better()) {
        let Some(price) = pair.ours.price else { continue };
        let claim = Claim { against: pair.against.policy, price };
        match claims.iter_mut().find(|(_, known)| known.against == claim.against) {
            Some(known) if pair.seconds.mean < known.0 => *known = (pair.seconds.mean, claim),
            Some(_) => {}
            None => claims.push((pair.seconds.mean, claim)),
        }
    }
    claims.into_iter().map(|(_, claim)| claim).collect()
}

fn rounded(value: f64) -> f64 {
    (value * 100.0).round() / 100.0
}

fn interval(interval: Interval) -> Value {
    json!({ "mean": rounded(interval.mean), "low": rounded(interval.low), "high": rounded(interval.high) })
}

pub(crate) fn label(label: &Label) -> Value {
    json!({ "policy": label.policy, "price": label.price, "minimum": label.minimum, "variant": label.variant })
}

pub(crate) fn seconds_of(outcomes: &[Outcome]) -> Vec<f64> {
    outcomes.iter().map(|outcome| outcome.seconds).collect()
}

pub(crate) fn alerts_of(outcomes: &[Outcome]) -> Vec<f64> {
    outcomes.iter().map(|outcome| f64::from(outcome.alerts)).collect()
}

/// The share of incidents in per cent.
pub(crate) fn share(outcomes: &[Outcome], has: impl Fn(&Outcome) -> bool) -> f64 {
    100.0 * as_f64(outcomes.iter().filter(|outcome| has(outcome)).count()) / as_f64(outcomes.len().max(1))
}

fn row(cell: &Cell, of: &Label, outcomes: &[Outcome]) -> Value {
    let (alerts, seconds) = (alerts_of(outcomes), seconds_of(outcomes));
    let surplus: Vec<f64> = outcomes.iter().map(|o| f64::from(o.arrivals.saturating_sub(TEAM))).collect();
    let mut row = label(of);
    row["alerts"] = json!({ "mean": rounded(mean(&alerts)), "ci": rounded(half_interval(&alerts)) });
    row["seconds"] = json!({
        "mean": rounded(mean(&seconds)),
        "ci": rounded(half_interval(&seconds)),
        "p50": rounded(percentile(&seconds, 50)),
        "p90": rounded(percentile(&seconds, 90)),
    });
    for (name, value) in [
        ("beforeAmbulance", share(outcomes, |o| o.is_helped)),
        ("within5min", share(outcomes, |o| o.is_helped && o.seconds <= WITHIN)),
        ("thirdBeforeAmbulance", share(outcomes, |o| o.third)),
        ("aedBeforeAmbulance", share(outcomes, |o| o.aed)),
        ("surplus", mean(&surplus)),
        ("alertsPerHelperYear", mean(&alerts) * INCIDENTS_PER_YEAR / cell.density),
    ] {
        row[name] = json!(rounded(value));
    }
    row
}

/// The cell as it is written to the file.
pub(crate) fn cell_json(result: &CellResult, pairs: &[Pair]) -> Value {
    let rows: Vec<Value> = result
        .labels
        .iter()
        .zip(&result.outcomes)
        .map(|(label, outcomes)| row(&result.cell, label, outcomes))
        .collect();
    let pair = |pair: &Pair| {
        json!({
            "a": label(&pair.ours),
            "b": { "policy": pair.against.policy },
            "seconds": interval(pair.seconds),
            "alerts": interval(pair.alerts),
        })
    };
    json!({
        "world": world(result.cell.field),
        "scenario": result.cell.scenario.name,
        "lambda": result.cell.density,
        "incidents": result.outcomes.first().map_or(0, Vec::len),
        "policies": rows,
        "pairs": pairs.iter().map(pair).collect::<Vec<_>>(),
    })
}

pub(crate) fn world(field: Field) -> &'static str {
    match field {
        Field::Poisson => "poisson",
        Field::Clustered => "clustered",
    }
}
