//! The rules of the domain, from the settings that configure them.

use std::time::Duration;

use allynet_domain::{
    AlertPolicy, AlertTiming, HelperPolicy, Metres, PlaceBeforeAccept, PlacePolicy, StallTiming, StormLimit,
    usecase::{Rules, retention::RetentionPolicy},
};
use anyhow::Context as _;
use chrono::TimeDelta;

use super::Settings;

impl Settings {
    /// The rules that the domain is configured with.
    pub(crate) fn rules(&self) -> anyhow::Result<Rules> {
        let radii = self.alert_radii.iter().copied().map(Metres::new).collect();
        let alerts = AlertPolicy::new(radii, self.alert_min_helpers, self.alert_wave_size);
        let mut alerts = alerts.context("ALLYNET_ALERT_RADII, ALLYNET_ALERT_WAVE_SIZE")?;
        let delta = |duration, name: &str| TimeDelta::from_std(duration).with_context(|| format!("{name} is too long"));
        alerts.timing = AlertTiming {
            interval: delta(self.alert_interval, "ALLYNET_ALERT_INTERVAL")?,
            place_after: delta(self.place_after, "ALLYNET_PLACE_AFTER")?,
            repeat_late: delta(self.repeat_late, "ALLYNET_REPEAT_LATE")?,
            renewal_pause: delta(self.renewal_pause, "ALLYNET_RENEWAL_PAUSE")?,
        };
        anyhow::ensure!(self.alert_ttl <= Duration::from_hours(24), "ALLYNET_ALERT_TTL must be at most 24h");
        // Rings are stored for two days.
        anyhow::ensure!(self.storm_window <= Duration::from_hours(24), "ALLYNET_STORM_WINDOW must be at most 24h");
        alerts.storm = StormLimit {
            rings: self.storm_rings.get(),
            window: delta(self.storm_window, "ALLYNET_STORM_WINDOW")?,
            fold: delta(self.storm_fold, "ALLYNET_STORM_FOLD")?,
        };
        let gain = self.dispatch.gain(&alerts, self.helper_policy)?;
        Ok(Rules {
            helpers: self.helper_policy,
            alerts,
            gain,
            travel: self.dispatch.travel(),
            stalls: StallTiming {
                after: delta(self.dispatch.stall_after, "ALLYNET_STALL_AFTER")?,
                answer: delta(self.dispatch.stall_answer, "ALLYNET_STALL_ANSWER")?,
            },
            places: self.places(),
            position_ttl: delta(self.position_ttl, "ALLYNET_POSITION_TTL")?,
            emergency_ttl: delta(self.emergency_ttl, "ALLYNET_EMERGENCY_TTL")?,
            completed_hold: delta(self.resume_after_completed, "ALLYNET_RESUME_AFTER_COMPLETED")?,
            reaccept_pause: delta(self.reaccept_pause, "ALLYNET_REACCEPT_PAUSE")?,
            renew_again_after: delta(self.renew_again_after, "ALLYNET_RENEW_AGAIN_AFTER")?,
            reopen_within: delta(self.reopen_within, "ALLYNET_REOPEN_WITHIN")?,
            trust_again_after: delta(self.trust_again_after, "ALLYNET_TRUST_AGAIN_AFTER")?,
            move_interval: delta(self.dispatch.move_interval, "ALLYNET_MOVE_INTERVAL")?,
            alert_ttl: delta(self.alert_ttl, "ALLYNET_ALERT_TTL")?,
            unblock_after: delta(self.unblock_after, "ALLYNET_UNBLOCK_AFTER")?,
            // Set where email is.
            tells_contacts: false,
        })
    }

    /// How long records are kept. Ages that are too long for the calendar keep everything.
    pub(crate) fn retention(&self) -> RetentionPolicy {
        let delta = |duration| TimeDelta::from_std(duration).unwrap_or(TimeDelta::MAX);
        RetentionPolicy {
            records: delta(self.retention),
            session: delta(self.refresh_token_ttl.max(self.access_token_ttl)),
            reputation: delta(self.trust_again_after),
        }
    }

    /// What helpers are shown before they accept, on a grid without a key: the key is in the database.
    pub(super) fn places(&self) -> PlacePolicy {
        let by_policy = match self.helper_policy {
            HelperPolicy::Verified => PlaceBeforeAccept::Exact,
            // Any account may help under this policy, so an exact place would be public.
            HelperPolicy::Open => PlaceBeforeAccept::Approximate,
        };
        PlacePolicy { before_accept: self.place_before_accept.unwrap_or(by_policy), ..PlacePolicy::default() }
    }
}
