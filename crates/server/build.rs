//! Tells the program which commit it is built from, and when.
//!
//! `ALLYNET_COMMIT` and `SOURCE_DATE_EPOCH` come first. Only a release build asks Git and the clock: a build for development
//! would be compiled again after every commit.

use std::{
    env,
    process::Command,
    time::{Duration, SystemTime},
};

/// Digits of a commit that are shown.
const COMMIT_DIGITS: usize = 12;

fn main() {
    println!("cargo:rerun-if-changed=build.rs");
    println!("cargo:rerun-if-env-changed=ALLYNET_COMMIT");
    println!("cargo:rerun-if-env-changed=SOURCE_DATE_EPOCH");
    let is_release = env::var("PROFILE").is_ok_and(|profile| profile == "release");
    let commit = variable("ALLYNET_COMMIT").or_else(|| is_release.then(git_commit).flatten());
    let commit = commit.filter(|commit| commit.len() >= COMMIT_DIGITS && commit.bytes().all(|b| b.is_ascii_hexdigit()));
    let commit = commit.and_then(|commit| Some(commit.get(..COMMIT_DIGITS)?.to_owned()));
    let seconds = variable("SOURCE_DATE_EPOCH").and_then(|text| text.parse().ok());
    let date = seconds.or_else(|| is_release.then(now).flatten()).map(date);
    println!("cargo:rustc-env=ALLYNET_BUILD_COMMIT={}", commit.as_deref().unwrap_or_default());
    println!("cargo:rustc-env=ALLYNET_BUILD_DATE={}", date.as_deref().unwrap_or_default());
    let version = env::var("CARGO_PKG_VERSION").unwrap_or_default();
    let known = [commit.map(|commit| format!("commit {commit}")), date.map(|date| format!("built {date}"))];
    let known: Vec<String> = known.into_iter().flatten().collect();
    let known = if known.is_empty() { "built for development".to_owned() } else { known.join(", ") };
    println!("cargo:rustc-env=ALLYNET_VERSION_LINE={version} ({known})");
}

/// A variable of the environment that is not empty.
fn variable(name: &str) -> Option<String> {
    env::var(name).ok().filter(|value| !value.is_empty())
}

/// The commit of the working tree; `None` without Git, or outside of a repository. Builds again after the next commit.
fn git_commit() -> Option<String> {
    let log = git(&["rev-parse", "--git-path", "logs/HEAD"])?;
    if std::path::Path::new(&log).exists() {
        println!("cargo:rerun-if-changed={log}");
    }
    git(&["rev-parse", "HEAD"])
}

fn git(arguments: &[&str]) -> Option<String> {
    let output = Command::new("git").args(arguments).output().ok().filter(|output| output.status.success())?;
    Some(String::from_utf8(output.stdout).ok()?.trim().to_owned())
}

#[expect(clippy::disallowed_methods, reason = "a build script has no port for the time")]
fn now() -> Option<u64> {
    SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).ok().as_ref().map(Duration::as_secs)
}

/// The date of a Unix time, in UTC: the algorithm `civil_from_days` of
/// <https://howardhinnant.github.io/date_algorithms.html>, whose year begins in March.
fn date(seconds: u64) -> String {
    let days = seconds / 86_400 + 719_468;
    let (era, day_of_era) = (days / 146_097, days % 146_097);
    let year_of_era = (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_from_march = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month_from_march + 2) / 5 + 1;
    let month = if month_from_march < 10 { month_from_march + 3 } else { month_from_march - 9 };
    let year = era * 400 + year_of_era + u64::from(month <= 2);
    format!("{year:04}-{month:02}-{day:02}")
}
