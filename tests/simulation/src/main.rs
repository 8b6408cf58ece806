//! Compares dispatch policies on simulated incidents, in virtual time.
//!
//! ```text
//! allynet-simulation run [--long] [--seed N] FILE      simulates, and writes what it found to a JSON file
//! allynet-simulation tables FILE PAGE                  writes the tables of a page from that file
//! ```
//!
//! Run by `make simulate`. What is assumed and what follows is explained in `docs/dispatch.md`.

mod checks;
mod fatigue;
mod incident;
mod measure;
mod person;
mod policy;
mod random;
mod run;
mod statistics;
mod tables;
mod team;
mod view;
mod world;

use std::{env, fs, io, io::Write as _, process::ExitCode, time::Instant};

use anyhow::{Context as _, bail};
use serde_json::{Value, json};

use crate::{
    checks::Check,
    incident::Outcome,
    measure::{Pair, cell_json, claims, pairs, world},
    policy::Label,
    run::{CellResult, in_parallel},
    statistics::{Bootstrap, Interval},
    world::{BASE, Cell, Field, SCENARIOS},
};

const SEED: u64 = 20_261_128;
/// Helpers on duty per square kilometre: 3.2 and 9.5 are 10 and 30 within a kilometre.
const DENSITIES: [f64; 4] = [0.3, 1.0, 3.2, 9.5];

fn main() -> ExitCode {
    match command() {
        Ok(code) => code,
        Err(error) => {
            // An error while writing to standard error cannot be reported.
            writeln!(io::stderr(), "{error:#}").ok();
            ExitCode::FAILURE
        }
    }
}

fn command() -> anyhow::Result<ExitCode> {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match words.as_slice() {
        ["run", options @ .., file] => {
            let (is_long, seed) = options_of(options)?;
            simulate(is_long, seed, file)
        }
        ["tables", file, page] => {
            let found: Value = serde_json::from_str(&fs::read_to_string(file).context("reading the results")?)?;
            let text = fs::read_to_string(page).context("reading the page")?;
            fs::write(page, tables::replace(&text, &found)?)?;
            Ok(ExitCode::SUCCESS)
        }
        _ => bail!("usage: allynet-simulation run [--long] [--seed N] FILE | tables FILE PAGE"),
    }
}

fn options_of(options: &[&str]) -> anyhow::Result<(bool, u64)> {
    match options {
        [] => Ok((false, SEED)),
        ["--long"] => Ok((true, SEED)),
        ["--seed", seed] => Ok((false, seed.parse()?)),
        ["--long", "--seed", seed] => Ok((true, seed.parse()?)),
        _ => bail!("unknown options: {}", options.join(" ")),
    }
}

fn cells() -> Vec<Cell> {
    let poisson = SCENARIOS.iter().map(|&scenario| (Field::Poisson, scenario));
    let kinds = poisson.chain([(Field::Clustered, BASE)]);
    let at = |(field, scenario)| DENSITIES.map(|density| Cell { field, scenario, density });
    kinds.flat_map(at).collect()
}

fn simulate(is_long: bool, seed: u64, file: &str) -> anyhow::Result<ExitCode> {
    let start = Instant::now();
    let incidents = if is_long { 2_000 } else { 150 };
    let cells = cells();
    let results = run::run(seed, &cells, incidents, |cell| policy::all(&cell.scenario));
    let all_pairs = in_parallel(results.len(), |index| pairs(seed, &results[index]));
    let mut all_checks = checks::checks(seed, if is_long { 400 } else { 200 });
    all_checks.extend(expectations(seed, &results));
    let base: Vec<&CellResult> =
        results.iter().filter(|r| r.cell.field == Field::Poisson && r.cell.scenario == BASE).collect();
    let (p50, p99) = checks::speed(seed, 2_000);
    let command = if is_long { "make simulate FORM=long" } else { "make simulate" };
    let found = json!({
        "seed": seed,
        "command": command,
        "seconds": start.elapsed().as_secs(),
        "speed": { "decideMicros": { "p50": p50.round(), "p99": p99.round() } },
        "worlds": results.iter().zip(&all_pairs).map(|(result, pairs)| cell_json(result, pairs)).collect::<Vec<_>>(),
        "fatigue": fatigue::fatigue(seed, &base),
        "checks": all_checks.iter().map(Check::json).collect::<Vec<_>>(),
        "claims": all_claims(&results, &all_pairs),
    });
    fs::write(file, serde_json::to_string_pretty(&found)?).with_context(|| format!("writing {file}"))?;
    print(&tables::summary(&found)?);
    let is_ok = all_checks.iter().all(|check| check.is_ok);
    Ok(if is_ok { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn all_claims(results: &[CellResult], all_pairs: &[Vec<Pair>]) -> Vec<Value> {
    let of = |(result, pairs): (&CellResult, &Vec<Pair>)| -> Vec<Value> {
        let json = |claim: measure::Claim| {
            json!({
                "world": world(result.cell.field),
                "scenario": result.cell.scenario.name,
                "lambda": result.cell.density,
                "against": claim.against,
                "price": claim.price,
                "minimum": 0,
            })
        };
        claims(pairs).into_iter().map(json).collect()
    };
    results.iter().zip(all_pairs).flat_map(of).collect()
}

/// What ours has to reach where no ambulance comes, beside waves. Refuted if the interval of the paired difference says so.
fn expectations(seed: u64, results: &[CellResult]) -> Vec<Check> {
    let without = results.iter().filter(|r| r.cell.scenario.name == "no_ambulance").map(|result| {
        let helped = beside_waves(seed, result, |outcome| if outcome.is_helped { 100.0 } else { 0.0 });
        let alerts = beside_waves(seed, result, |outcome| f64::from(outcome.alerts));
        Check {
            name: "without an ambulance as many are helped as by waves, within 2 points, with fewer alerts",
            is_ok: helped.high >= -2.0 && alerts.high < 0.0,
            detail: format!("λ {}: {} points, {} alerts", result.cell.density, shown(helped), shown(alerts)),
        }
    });
    let is_sparse = |r: &&CellResult| r.cell.scenario.name == "other_type" && r.cell.density < 0.5;
    let other = results.iter().filter(is_sparse).map(|result| {
        let seconds = beside_waves(seed, result, |outcome| outcome.seconds);
        let alerts = beside_waves(seed, result, |outcome| f64::from(outcome.alerts));
        Check {
            name: "a type without an ambulance is helped within 5 s of waves with fewer alerts",
            is_ok: seconds.low <= 5.0 && alerts.high < 0.0,
            detail: format!("λ {}: {} s, {} alerts", result.cell.density, shown(seconds), shown(alerts)),
        }
    });
    without.chain(other).collect()
}

fn shown(interval: Interval) -> String {
    format!("{:+.1} ({:+.1} to {:+.1})", interval.mean, interval.low, interval.high)
}

/// The difference of ours, with the price of 0 in the end, and waves.
fn beside_waves(seed: u64, result: &CellResult, of: impl Fn(&Outcome) -> f64) -> Interval {
    let outcomes = |policy: &str, variant: Option<&str>| {
        let is_it = |label: &Label| label.policy == policy && label.variant == variant;
        result.labels.iter().position(is_it).map_or(&[][..], |index| &result.outcomes[index])
    };
    let pairs = outcomes("gain", Some("last")).iter().zip(outcomes("waves", None));
    let differences: Vec<f64> = pairs.map(|(ours, waves)| of(ours) - of(waves)).collect();
    Bootstrap::new(seed, differences.len()).interval(&differences)
}

#[expect(clippy::print_stdout, reason = "the summary is what this program is for")]
fn print(text: &str) {
    println!("{text}");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_simulator_is_right_where_the_answer_is_known() {
        let failed: Vec<String> =
            checks::checks(SEED, 10).into_iter().filter(|check| !check.is_ok).map(|check| check.detail).collect();
        assert!(failed.is_empty(), "{failed:?}");
    }

    /// A small form of the claims of `docs/dispatch.md`: at 3 s and 3.2 helpers per km² ours is better than both policies that
    /// send helpers by a defibrillator, and asks a third of waves.
    #[test]
    fn the_claims_of_the_page_hold() {
        let cell = Cell { field: Field::Poisson, scenario: BASE, density: 3.2 };
        let policies = |cell: &Cell| {
            let mut all = policy::all(&cell.scenario);
            all.retain(|competitor| ["heartrunner", "hartslagnu", "waves"].contains(&competitor.label.policy));
            all.push(policy::ours(&cell.scenario, 3.0, 0, None));
            all
        };
        let results = run::run(SEED, &[cell], 60, policies);
        let pairs = pairs(SEED, &results[0]);
        let claimed: Vec<&str> = claims(&pairs).into_iter().map(|claim| claim.against).collect();
        assert_eq!(claimed, ["heartrunner", "hartslagnu"]);
        let alerts = |index: usize| statistics::mean(&measure::alerts_of(&results[0].outcomes[index]));
        assert!(alerts(3) < 0.4 * alerts(0) && alerts(0) > 40.0, "{} of {}", alerts(3), alerts(0));
    }
}
