//! Settings of dispatch: how the helpers to alert are chosen.

use std::{env, fs, time::Duration};

use allynet_domain::{
    AlertPolicy, HelperPolicy, Zone,
    dispatch::{AcceptanceModel, AmbulanceModel, GainPolicy, TravelModel},
};
use anyhow::Context as _;
use chrono::TimeDelta;
use clap::{Args, ValueEnum};

use super::parse::duration;

/// How the helpers to alert are chosen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Dispatch {
    /// By what an alert is worth: the time without help that it saves.
    Gain,
    /// The nearest, in waves.
    Waves,
}

#[derive(Debug, Args)]
pub(crate) struct DispatchSettings {
    /// How the helpers to alert are chosen: by what an alert is worth (`gain`), or the nearest, in `waves`
    #[arg(
        long,
        global = true,
        env = "ALLYNET_DISPATCH",
        value_name = "ALLYNET_DISPATCH",
        hide_env = true,
        default_value = "gain",
        value_enum
    )]
    pub(crate) dispatch: Dispatch,

    /// By how much an alert must shorten the expected time without help; critical emergencies pay half
    #[arg(
        long,
        global = true,
        env = "ALLYNET_ALERT_PRICE",
        value_name = "ALLYNET_ALERT_PRICE",
        hide_env = true,
        default_value = "4s", value_parser = price
    )]
    pub(crate) alert_price: Duration,

    /// Time between two decisions while no helper is there
    #[arg(
        long,
        global = true,
        env = "ALLYNET_DECIDE_INTERVAL",
        value_name = "ALLYNET_DECIDE_INTERVAL",
        hide_env = true,
        default_value = "15s", value_parser = duration
    )]
    pub(crate) decide_interval: Duration,

    /// Time in which a helper becomes half as likely to come while no device acknowledges the alert
    #[arg(
        long,
        global = true,
        env = "ALLYNET_SILENCE_ACKNOWLEDGEMENT",
        value_name = "ALLYNET_SILENCE_ACKNOWLEDGEMENT",
        hide_env = true,
        default_value = "20s", value_parser = duration
    )]
    pub(crate) silence_acknowledgement: Duration,

    /// Time in which a helper becomes half as likely to come while they do not answer
    #[arg(
        long,
        global = true,
        env = "ALLYNET_SILENCE_ANSWER",
        value_name = "ALLYNET_SILENCE_ANSWER",
        hide_env = true,
        default_value = "45s", value_parser = duration
    )]
    pub(crate) silence_answer: Duration,

    /// Time without a sign after which a helper who accepted is asked whether they still come
    #[arg(
        long,
        global = true,
        env = "ALLYNET_STALL_AFTER",
        value_name = "ALLYNET_STALL_AFTER",
        hide_env = true,
        default_value = "180s", value_parser = duration
    )]
    pub(crate) stall_after: Duration,

    /// Time in which they may answer; after it they do not count as help until the next sign
    #[arg(
        long,
        global = true,
        env = "ALLYNET_STALL_ANSWER",
        value_name = "ALLYNET_STALL_ANSWER",
        hide_env = true,
        default_value = "45s", value_parser = duration
    )]
    pub(crate) stall_answer: Duration,

    /// The least time between two moves of a place that follows its owner
    #[arg(
        long,
        global = true,
        env = "ALLYNET_MOVE_INTERVAL",
        value_name = "ALLYNET_MOVE_INTERVAL",
        hide_env = true,
        default_value = "60s", value_parser = duration
    )]
    pub(crate) move_interval: Duration,

    /// Median time until an ambulance arrives at a medical emergency or an accident
    #[arg(
        long,
        global = true,
        env = "ALLYNET_AMBULANCE_MEDIAN",
        value_name = "ALLYNET_AMBULANCE_MEDIAN",
        hide_env = true,
        default_value = "9m30s", value_parser = duration
    )]
    pub(crate) ambulance_median: Duration,

    /// Share of these emergencies to which no ambulance comes, from 0 to 1
    #[arg(
        long,
        global = true,
        env = "ALLYNET_AMBULANCE_NEVER",
        value_name = "ALLYNET_AMBULANCE_NEVER",
        hide_env = true,
        default_value = "0.05", value_parser = share
    )]
    pub(crate) ambulance_never: f64,

    /// Time zone in which it is night from 22 to 7 o'clock, and of the hours of opening of defibrillators, as a name of the IANA database. Default: that of the machine
    #[arg(
        long,
        global = true,
        env = "ALLYNET_TIME_ZONE",
        value_name = "ALLYNET_TIME_ZONE",
        hide_env = true,
        value_parser = zone
    )]
    pub(crate) time_zone: Option<Zone>,
}

impl DispatchSettings {
    /// When helpers arrive, and in which zone it is night.
    pub(super) fn travel(&self) -> TravelModel {
        TravelModel { zone: self.time_zone.or_else(machine_zone), ..TravelModel::default() }
    }

    /// The policy of decisions by gain. `None` if waves choose the helpers.
    pub(super) fn gain(&self, alerts: &AlertPolicy, helpers: HelperPolicy) -> anyhow::Result<Option<GainPolicy>> {
        if self.dispatch == Dispatch::Waves {
            return Ok(None);
        }
        let delta = |duration, name: &str| TimeDelta::from_std(duration).with_context(|| format!("{name} is too long"));
        let radii = i32::try_from(alerts.radii().len()).context("ALLYNET_ALERT_RADII: too many radii")?;
        let wave_size = usize::try_from(alerts.wave_size())?;
        let free_after = alerts.timing.interval.checked_mul(radii).context("ALLYNET_ALERT_INTERVAL is too long")?;
        Ok(Some(GainPolicy {
            travel: self.travel(),
            acceptance: AcceptanceModel {
                acknowledgement_half_life: delta(self.silence_acknowledgement, "ALLYNET_SILENCE_ACKNOWLEDGEMENT")?,
                answer_half_life: delta(self.silence_answer, "ALLYNET_SILENCE_ANSWER")?,
                ..AcceptanceModel::default()
            },
            ambulance: AmbulanceModel {
                median: delta(self.ambulance_median, "ALLYNET_AMBULANCE_MEDIAN")?,
                never: self.ambulance_never,
                ..AmbulanceModel::default()
            },
            price: self.alert_price.as_secs_f64(),
            free_after,
            min_helpers: usize::try_from(alerts.min_helpers())?,
            max_per_decision: wave_size,
            max_per_search: wave_size.saturating_mul(alerts.radii().len()),
            interval: delta(self.decide_interval, "ALLYNET_DECIDE_INTERVAL")?,
            requires_tiers: helpers == HelperPolicy::Verified,
            ..GainPolicy::default()
        }))
    }
}

/// The time zone of the machine: the variable `TZ`, else what `/etc/localtime` links to. `None`, which is UTC, if it cannot be told.
fn machine_zone() -> Option<Zone> {
    let named = |name: &str| name.trim_start_matches(':').parse().ok();
    if let Some(zone) = env::var("TZ").ok().filter(|name| !name.is_empty()) {
        return named(&zone);
    }
    let linked = fs::canonicalize("/etc/localtime").ok()?;
    let (_, name) = linked.to_str()?.split_once("/zoneinfo/")?;
    named(name)
}

fn price(text: &str) -> Result<Duration, &'static str> {
    let is_short = |duration: &Duration| *duration <= Duration::from_hours(1);
    humantime::parse_duration(text)
        .ok()
        .filter(is_short)
        .ok_or("must be a duration of at most an hour, like 4s or 500ms")
}

fn share(text: &str) -> Result<f64, &'static str> {
    text.parse().ok().filter(|share| (0.0..=1.0).contains(share)).ok_or("must be a number from 0 to 1")
}

fn zone(text: &str) -> Result<Zone, &'static str> {
    text.parse().map_err(|_| "must be a name of the IANA database, like Europe/Berlin")
}
