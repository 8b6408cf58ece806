//! Ten years in which a share of the alerted leaves at each alert: what a policy costs in helpers, and so in time.
//!
//! Alerts and seconds at a density between the simulated ones are interpolated; without helpers, the ambulance is the help.

use serde_json::{Value, json};

use crate::{
    measure::{alerts_of, seconds_of},
    policy::Label,
    run::CellResult,
    statistics::mean,
    world::{INCIDENTS_PER_YEAR, Incident},
};

/// The share that leaves at each alert. 4 %: an upper bound from Denmark.
const HAZARDS: [f64; 3] = [0.0, 0.01, 0.04];
const YEARS: usize = 10;
/// Steps of a year: helpers leave during it.
const STEPS: usize = 12;

struct Point {
    density: f64,
    alerts: f64,
    seconds: f64,
}

/// Between the two nearest points.
fn at(points: &[Point], density: f64) -> (f64, f64) {
    let above = points.iter().position(|point| point.density >= density).unwrap_or(points.len() - 1).max(1);
    let (low, high) = (&points[above - 1], &points[above]);
    let share = ((density - low.density) / (high.density - low.density)).clamp(0.0, 1.0);
    let between = |low: f64, high: f64| low + share * (high - low);
    (between(low.alerts, high.alerts), between(low.seconds, high.seconds))
}

/// The years of each policy, from cells of the base case that differ in density only.
pub(crate) fn fatigue(seed: u64, cells: &[&CellResult]) -> Vec<Value> {
    let Some(first) = cells.first() else { return Vec::new() };
    let ends: Vec<f64> =
        (0..2_000).map(|n| Incident::draw(seed, &crate::world::Cell { density: 0.0, ..first.cell }, n).end).collect();
    let mut all = Vec::new();
    for (index, label) in first.labels.iter().enumerate() {
        let mut points = vec![Point { density: 0.0, alerts: 0.0, seconds: mean(&ends) }];
        points.extend(cells.iter().map(|cell| Point {
            density: cell.cell.density,
            alerts: mean(&alerts_of(&cell.outcomes[index])),
            seconds: mean(&seconds_of(&cell.outcomes[index])),
        }));
        for cell in cells {
            all.extend(HAZARDS.iter().map(|&hazard| years(&points, label, cell.cell.density, hazard)));
        }
    }
    all
}

fn years(points: &[Point], label: &Label, density: f64, hazard: f64) -> Value {
    #[expect(clippy::cast_precision_loss, reason = "small")]
    let step = 1.0 / STEPS as f64;
    let mut left = density;
    let mut years = Vec::new();
    for _ in 0..YEARS {
        let (alerts, seconds) = at(points, left);
        let per_helper = if left > 0.0 { alerts * INCIDENTS_PER_YEAR / left } else { 0.0 };
        years.push(json!({
            "lambda": (left * 1_000.0).round() / 1_000.0,
            "seconds": seconds.round(),
            "alertsPerHelper": (per_helper * 10.0).round() / 10.0,
        }));
        for _ in 0..STEPS {
            let (alerts, _) = at(points, left);
            left = (left - hazard * alerts * INCIDENTS_PER_YEAR * step).max(0.0);
        }
    }
    json!({
        "policy": label.policy, "price": label.price, "minimum": label.minimum, "variant": label.variant,
        "lambda": density, "hazard": hazard, "years": years,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn helpers_leave_only_where_alerts_make_them_and_time_grows_as_they_do() {
        let points: Vec<Point> = [(0.0, 0.0, 600.0), (1.0, 10.0, 300.0)]
            .map(|(density, alerts, seconds)| Point { density, alerts, seconds })
            .into();
        let label = Label { policy: "x", price: None, minimum: None, variant: None };
        let last = |hazard| years(&points, &label, 1.0, hazard)["years"][9].clone();
        assert_eq!(last(0.0), json!({ "lambda": 1.0, "seconds": 300.0, "alertsPerHelper": 20.0 }));
        // A helper hears 20 alerts a year: after nine years e^(-0.01 · 180) are left.
        let left = last(0.01)["lambda"].as_f64().unwrap();
        assert!((left - (-1.8_f64).exp()).abs() < 0.01, "{left}");
        assert!(last(0.04)["seconds"].as_f64().unwrap() > last(0.01)["seconds"].as_f64().unwrap());
    }
}
