//! What an app asks before a user signs in: the emergency number, the countdown, the map, and what the service offers.

use std::{fmt, str::FromStr};

use allynet_domain::{HelperPolicy, PlaceBeforeAccept};
use schemars::JsonSchema;
use serde::Serialize;

use crate::{documents::schema::Word, links::is_host};

/// The maximum length of the URL of map tiles.
const MAX_TILES_URL: usize = 2_000;
/// The maximum length of the text beside a map.
const MAX_ATTRIBUTION: usize = 500;
/// The maximum number of seconds that an app may count down.
pub const MAX_ALERT_HOLD: u64 = 120;

/// The settings of an app.
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct AppConfig {
    /// The number by which the authorities are called.
    pub emergency_number: EmergencyNumber,
    /// For how many seconds an app counts down before it raises an emergency. The service itself never waits.
    #[schemars(range(max = MAX_ALERT_HOLD))]
    pub alert_hold: u64,
    /// The map; `null` if the service has none.
    pub map_tiles: Option<MapTiles>,
    /// Which accounts may help.
    #[schemars(with = "Word<HelperPolicy>")]
    pub helper_policy: HelperPolicy,
    /// What helpers are shown of a place before they accept.
    #[schemars(with = "Word<PlaceBeforeAccept>")]
    pub place_before_accept: PlaceBeforeAccept,
    /// Whether devices can be registered for pushes.
    pub push: bool,
    /// Whether emails are sent: to reset passwords, to contacts and to helpers.
    pub mail: bool,
}

impl Default for AppConfig {
    /// Of a service without any settings.
    fn default() -> Self {
        Self {
            emergency_number: EmergencyNumber("112".to_owned()),
            alert_hold: 3,
            map_tiles: None,
            helper_policy: HelperPolicy::Verified,
            place_before_accept: PlaceBeforeAccept::Exact,
            push: false,
            mail: false,
        }
    }
}

/// Where an app loads the images of its map.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct MapTiles {
    /// The URL of one image.
    pub url: TilesUrl,
    /// The plain text that is shown beside the map, as its license asks for; `null` if that is nothing.
    pub attribution: Option<Attribution>,
}

/// A plain text that is shown beside a map: at most 500 characters.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[schemars(example = &"© OpenStreetMap contributors")]
pub struct Attribution(#[schemars(length(max = MAX_ATTRIBUTION))] String);

/// The error of a text that is no [`Attribution`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("must be at most 500 characters on one line")]
pub struct InvalidAttribution;

impl FromStr for Attribution {
    type Err = InvalidAttribution;

    fn from_str(text: &str) -> Result<Self, InvalidAttribution> {
        let is_valid = text.chars().count() <= MAX_ATTRIBUTION && !text.chars().any(char::is_control);
        if is_valid { Ok(Self(text.to_owned())) } else { Err(InvalidAttribution) }
    }
}

/// A number that a telephone can call: 2 to 15 of `0-9+*#`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[schemars(example = &"112")]
pub struct EmergencyNumber(#[schemars(regex(pattern = "^[0-9+*#]{2,15}$"))] String);

/// The error of a text that is no [`EmergencyNumber`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("must be 2 to 15 of the characters 0 to 9, +, * and #")]
pub struct InvalidEmergencyNumber;

impl FromStr for EmergencyNumber {
    type Err = InvalidEmergencyNumber;

    fn from_str(text: &str) -> Result<Self, InvalidEmergencyNumber> {
        let is_valid =
            (2..=15).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_digit() || b"+*#".contains(&b));
        if is_valid { Ok(Self(text.to_owned())) } else { Err(InvalidEmergencyNumber) }
    }
}

/// The URL of the images of a map, with `{z}`, `{x}` and `{y}` in its path or query.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[schemars(example = &"https://tiles.example.org/{z}/{x}/{y}.png")]
pub struct TilesUrl(
    #[schemars(length(max = MAX_TILES_URL), regex(pattern = "^https://"))]
    String,
);

/// The error of a text that is no [`TilesUrl`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("must be https://HOST[:PORT]/… with {{z}}, {{x}} and {{y}} behind the host")]
pub struct InvalidTilesUrl;

impl TilesUrl {
    /// The origin that the images come from: `https://tiles.example.org`, for a Content-Security-Policy.
    pub fn origin(&self) -> &str {
        let path = self.0.match_indices('/').nth(2).map_or(self.0.len(), |(at, _)| at);
        &self.0[..path]
    }
}

impl FromStr for TilesUrl {
    type Err = InvalidTilesUrl;

    fn from_str(text: &str) -> Result<Self, InvalidTilesUrl> {
        let (authority, path) =
            text.strip_prefix("https://").and_then(|rest| rest.split_once('/')).ok_or(InvalidTilesUrl)?;
        let (host, port) = match authority.rsplit_once(':') {
            // A colon within brackets belongs to an IPv6 address.
            Some((host, port)) if !port.ends_with(']') => (host, Some(port)),
            _ => (authority, None),
        };
        let is_port = |port: &str| port.bytes().all(|b| b.is_ascii_digit()) && port.parse().is_ok_and(|n: u16| n > 0);
        // The host becomes part of a header: neither blanks nor quotes nor semicolons.
        let is_authority = is_host(&host.to_ascii_lowercase()) && port.is_none_or(is_port);
        let is_path = path.bytes().all(|b| b.is_ascii_graphic() && !b"#\"'<>\\".contains(&b));
        let has_place = ["{z}", "{x}", "{y}"].iter().all(|part| path.contains(part));
        let is_valid = text.len() <= MAX_TILES_URL && is_authority && is_path && has_place;
        if is_valid { Ok(Self(text.to_owned())) } else { Err(InvalidTilesUrl) }
    }
}

impl fmt::Display for TilesUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_emergency_number_can_be_dialled() {
        for number in ["112", "911", "99", "+4930123456789", "*55#"] {
            assert!(number.parse::<EmergencyNumber>().is_ok(), "{number}");
        }
        for wrong in ["", "1", "1234567890123456", "1 1", "112;", "١١٢", "abc", "112\n"] {
            assert!(wrong.parse::<EmergencyNumber>().is_err(), "{wrong}");
        }
    }

    #[test]
    fn an_attribution_is_one_line() {
        assert!("© OpenStreetMap contributors".parse::<Attribution>().is_ok());
        assert!("©".repeat(MAX_ATTRIBUTION).parse::<Attribution>().is_ok());
        for wrong in ["two\nlines", &"©".repeat(MAX_ATTRIBUTION + 1)] {
            assert!(wrong.parse::<Attribution>().is_err(), "{wrong}");
        }
    }

    #[test]
    fn tiles_have_an_encrypted_host_and_a_place_in_their_path() {
        for (url, origin) in [
            ("https://tiles.example.org/{z}/{x}/{y}.png", "https://tiles.example.org"),
            ("https://tiles.example.org:8443/a/{z}/{y}/{x}@2x.webp?key=1", "https://tiles.example.org:8443"),
            ("https://[2001:db8::1]/?z={z}&x={x}&y={y}", "https://[2001:db8::1]"),
        ] {
            let parsed: TilesUrl = url.parse().unwrap();
            assert_eq!((parsed.to_string().as_str(), parsed.origin()), (url, origin));
        }
        for wrong in [
            "",
            "http://tiles.example.org/{z}/{x}/{y}.png",
            "https://tiles.example.org/{z}/{x}.png",
            "https://tiles.example.org/{z}/{y}.png",
            "https://tiles.example.org/{x}/{y}.png",
            "https:///{z}/{x}/{y}.png",
            "https://{s}.tiles.example.org/{z}/{x}/{y}.png",
            "https://me:secret@tiles.example.org/{z}/{x}/{y}.png",
            "https://tiles.example.org:0/{z}/{x}/{y}.png",
            "https://tiles.example.org; script-src *;/{z}/{x}/{y}.png",
            "https://tiles.example.org/{z}/{x}/{y}.png#top",
            "https://tiles.example.org/{z} /{x}/{y}.png",
            "https://tiles.example.org/{z}/{x}/{y}\".png",
        ] {
            assert!(wrong.parse::<TilesUrl>().is_err(), "{wrong}");
        }
        let long = format!("https://tiles.example.org/{}/{{z}}/{{x}}/{{y}}", "a".repeat(MAX_TILES_URL));
        assert!(long.parse::<TilesUrl>().is_err());
    }
}
