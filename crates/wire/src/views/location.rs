//! Places of emergencies, as precise as a viewer may know them.

use allynet_domain::{Disclosure, Location, Position};
use schemars::JsonSchema;
use serde::Serialize;

/// The place of an emergency, as precise as the viewer may know it.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "Location")]
pub struct LocationView<'a> {
    /// Degrees north (WGS 84).
    #[schemars(range(min = -90.0, max = 90.0))]
    latitude: f64,
    /// Degrees east (WGS 84).
    #[schemars(range(min = -180.0, max = 180.0))]
    longitude: f64,
    /// Size of the cell whose centre this is, in metres; 0 for the exact place.
    precision: u32,
    /// A postal address, as it was typed; `null` for viewers who are shown an approximate place.
    #[schemars(length(max = 300))]
    address: Option<&'a str>,
    /// How to find the place; `null` for viewers who are shown an approximate place.
    #[schemars(length(max = 300), example = &"2nd floor, on the left")]
    description: Option<&'a str>,
}

impl<'a> LocationView<'a> {
    /// Renders the exact position of a place of which nothing else is known.
    pub(crate) const fn exact(position: Position) -> Self {
        let (latitude, longitude) = (position.latitude(), position.longitude());
        Self { latitude, longitude, precision: 0, address: None, description: None }
    }

    /// Renders a place as far as it is disclosed.
    pub fn new(location: &'a Location, shown: Disclosure) -> Self {
        let Location { position, address, description } = location;
        let (position, texts) = (shown.place(*position), shown.shows_texts());
        Self {
            latitude: position.latitude(),
            longitude: position.longitude(),
            precision: shown.precision(),
            address: address.as_ref().filter(|_| texts).map(allynet_domain::Text::as_str),
            description: description.as_ref().filter(|_| texts).map(allynet_domain::Text::as_str),
        }
    }
}

/// The place that was given when an emergency was raised, as precise as its present place.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "Origin")]
pub struct OriginView<'a> {
    /// Degrees north (WGS 84).
    #[schemars(range(min = -90.0, max = 90.0))]
    latitude: f64,
    /// Degrees east (WGS 84).
    #[schemars(range(min = -180.0, max = 180.0))]
    longitude: f64,
    /// A postal address, as it was typed; `null` for viewers who are shown an approximate place.
    #[schemars(length(max = 300))]
    address: Option<&'a str>,
    /// How to find the place; `null` for viewers who are shown an approximate place.
    #[schemars(length(max = 300), example = &"2nd floor, on the left")]
    description: Option<&'a str>,
}

impl<'a> From<LocationView<'a>> for OriginView<'a> {
    fn from(view: LocationView<'a>) -> Self {
        let LocationView { latitude, longitude, precision: _, address, description } = view;
        Self { latitude, longitude, address, description }
    }
}
