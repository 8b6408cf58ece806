//! Rate limits as the documents tell them, from the tables that are enforced.

use serde_json::{Value, json};

use crate::limits::{Excess, Limit, Subject};

/// What is limited, and how: "Exports of an account: 5 at once, then 1 in 20 seconds, for each user."
pub(super) fn sentence(limit: Limit) -> String {
    let (what, quota) = (limit.describe(), limit.quota());
    // The first sentence says what is counted, others what follows.
    let (what, more) = what.split_once(". ").unwrap_or((what.trim_end_matches('.'), ""));
    let (burst, rate) = (quota.burst, per_second(limit));
    let rate =
        if rate < 1.0 { format!("1 in {} seconds", quota.each.as_secs()) } else { format!("{rate:.0} a second") };
    let more = if more.is_empty() { String::new() } else { format!(" {more}") };
    format!("{what}: {burst} at once, then {rate}, for each {}.{more}", subject(limit))
}

/// The limits for programs: `[{name, burst, perSecond, per, excess}]`.
pub(super) fn table(limits: &[Limit]) -> Value {
    limits
        .iter()
        .map(|&limit| {
            let excess = match limit.excess() {
                Excess::Refused => "refused",
                Excess::Deferred => "deferred",
                Excess::Ignored => "ignored",
                Excess::Closed => "closed",
            };
            json!({
                "name": format!("{limit:?}"), "burst": limit.quota().burst, "perSecond": per_second(limit),
                "per": subject(limit), "excess": excess,
            })
        })
        .collect()
}

fn per_second(limit: Limit) -> f64 {
    // Intervals are whole milliseconds: rounded, 33 ms are 30 a second.
    let rate = 1.0 / limit.quota().each.as_secs_f64();
    if rate < 1.0 { rate } else { rate.round() }
}

const fn subject(limit: Limit) -> &'static str {
    match limit.subject() {
        Subject::Address => "address",
        Subject::Account => "account and address",
        Subject::User => "user",
        Subject::Socket => "connection",
    }
}
