//! Settings of the app, which asks the service for them.

use std::time::Duration;

use allynet_wire::app_config::{AppConfig, Attribution, EmergencyNumber, MAX_ALERT_HOLD, MapTiles, TilesUrl};
use clap::Args;

use super::{Settings, parse::duration};

#[derive(Debug, Args)]
pub(crate) struct AppSettings {
    /// Number by which the app calls the authorities
    #[arg(
        long,
        global = true,
        env = "ALLYNET_EMERGENCY_NUMBER",
        value_name = "ALLYNET_EMERGENCY_NUMBER",
        hide_env = true,
        default_value = "112"
    )]
    pub(crate) emergency_number: EmergencyNumber,

    /// Time for which the app counts down before it raises an emergency, at most 120s
    #[arg(long, global = true, env = "ALLYNET_ALERT_HOLD", value_name = "ALLYNET_ALERT_HOLD", hide_env = true, default_value = "3s", value_parser = alert_hold)]
    pub(crate) alert_hold: Duration,

    /// Images of the map in the app: an https: URL with `{z}`, `{x}` and `{y}`. There is no map without it
    #[arg(long, global = true, env = "ALLYNET_MAP_TILES", value_name = "ALLYNET_MAP_TILES", hide_env = true)]
    pub(crate) map_tiles: Option<TilesUrl>,

    /// Text beside the map, as the license of its images asks for
    #[arg(
        long,
        global = true,
        env = "ALLYNET_MAP_ATTRIBUTION",
        value_name = "ALLYNET_MAP_ATTRIBUTION",
        hide_env = true
    )]
    pub(crate) map_attribution: Option<Attribution>,
}

fn alert_hold(text: &str) -> Result<Duration, &'static str> {
    let hold = duration(text)?;
    // Clients are told whole seconds.
    let is_valid = hold.as_secs() <= MAX_ALERT_HOLD && hold.subsec_nanos() == 0;
    if is_valid { Ok(hold) } else { Err("must be whole seconds, at most 120s") }
}

impl Settings {
    /// What the app is told. `push` and `mail`: whether the service sends any.
    pub(crate) fn app_config(&self, (push, mail): (bool, bool)) -> AppConfig {
        let AppSettings { emergency_number, alert_hold, map_tiles, map_attribution } = &self.app;
        AppConfig {
            emergency_number: emergency_number.clone(),
            alert_hold: alert_hold.as_secs(),
            map_tiles: map_tiles.clone().map(|url| MapTiles { url, attribution: map_attribution.clone() }),
            helper_policy: self.helper_policy,
            place_before_accept: self.places().before_accept,
            push,
            mail,
        }
    }
}
