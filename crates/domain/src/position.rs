//! Positions on the earth, and distances.

use geo::{Distance, Geodesic, Point};
use serde::{Deserialize, Serialize};

/// A position in WGS 84 decimal degrees, finite and in range.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "Degrees")]
pub struct Position {
    latitude: f64,
    longitude: f64,
}

/// A position as it is stored, before it is parsed.
#[derive(Deserialize)]
struct Degrees {
    latitude: f64,
    longitude: f64,
}

impl TryFrom<Degrees> for Position {
    type Error = PositionError;

    fn try_from(stored: Degrees) -> Result<Self, PositionError> {
        Self::new(stored.latitude, stored.longitude)
    }
}

/// Which coordinate of a position is not in range.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum PositionError {
    /// Latitude is not within -90..=90 degrees.
    #[error("must be a number from -90 to 90")]
    Latitude,
    /// Longitude is not within -180..=180 degrees.
    #[error("must be a number from -180 to 180")]
    Longitude,
}

impl Position {
    /// Parses a position in decimal degrees.
    ///
    /// # Errors
    /// Returns an error if a coordinate is not finite or not in range.
    pub fn new(latitude: f64, longitude: f64) -> Result<Self, PositionError> {
        if !(-90.0..=90.0).contains(&latitude) {
            return Err(PositionError::Latitude);
        }
        if !(-180.0..=180.0).contains(&longitude) {
            return Err(PositionError::Longitude);
        }
        Ok(Self { latitude, longitude })
    }

    /// Degrees north, `-90.0..=90.0`.
    pub const fn latitude(self) -> f64 {
        self.latitude
    }

    /// Degrees east, `-180.0..=180.0`.
    pub const fn longitude(self) -> f64 {
        self.longitude
    }

    /// The nearest point of a grid of about a kilometre, for records that need no more than the area.
    ///
    /// A hundredth of a degree of latitude is 1.1 km; meridians are as far apart at the latitude of the point.
    #[must_use]
    pub fn rounded_to_kilometre(self) -> Self {
        const STEP: f64 = 0.01;
        let latitude = (self.latitude / STEP).round() * STEP;
        // At the poles all meridians meet, and the step is the whole circle.
        let step = (STEP / latitude.to_radians().cos().max(STEP / 360.0)).min(360.0);
        let longitude = (self.longitude / step).round() * step;
        Self { latitude: latitude.clamp(-90.0, 90.0), longitude: longitude.clamp(-180.0, 180.0) }
    }

    /// The length of the geodesic to `other` on the WGS 84 ellipsoid (Karney 2013).
    pub fn distance_to(self, other: Self) -> Metres {
        let point = |p: Self| Point::new(p.longitude, p.latitude);
        Metres(Geodesic.distance(point(self), point(other)))
    }
}

/// A length or a radius in metres.
#[derive(Debug, Clone, Copy, PartialEq, PartialOrd, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Metres(f64);

impl Metres {
    /// A length, which must be finite and not negative; this is not checked.
    pub const fn new(metres: f64) -> Self {
        Self(metres)
    }

    /// The length in metres.
    pub const fn get(self) -> f64 {
        self.0
    }

    /// The length rounded to whole metres.
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "the cast saturates, and no two positions are further apart than 20,004 km"
    )]
    pub fn whole(self) -> u32 {
        self.0.round() as u32
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(latitude: f64, longitude: f64) -> Position {
        Position::new(latitude, longitude).unwrap()
    }

    #[test]
    fn a_place_rounded_to_a_kilometre_is_near_and_hides_the_rest() {
        for (latitude, longitude) in [(52.520_1, 13.404_9), (0.0, 0.0), (-33.868_8, 151.209_3), (69.649_2, 18.955_3)] {
            let (place, next) = (at(latitude, longitude), at(latitude + 0.000_01, longitude + 0.000_01));
            assert!(place.distance_to(place.rounded_to_kilometre()) < Metres::new(1_000.0));
            assert_eq!(place.rounded_to_kilometre(), next.rounded_to_kilometre());
        }
        for (latitude, longitude) in [(90.0, 179.0), (-90.0, -180.0), (0.0, 180.0), (89.999, -179.999)] {
            let Position { latitude, longitude } = at(latitude, longitude).rounded_to_kilometre();
            assert!(Position::new(latitude, longitude).is_ok(), "{latitude} {longitude}");
        }
    }

    #[test]
    fn only_finite_degrees_in_range_are_a_position() {
        for (latitude, longitude, wrong) in [
            (90.000_001, 0.0, PositionError::Latitude),
            (f64::NAN, 0.0, PositionError::Latitude),
            (0.0, -180.1, PositionError::Longitude),
            (0.0, f64::INFINITY, PositionError::Longitude),
        ] {
            assert_eq!(Position::new(latitude, longitude), Err(wrong));
        }
        assert!(Position::new(-90.0, 180.0).is_ok());
    }

    #[test]
    fn the_distance_crosses_the_antimeridian_and_the_poles() {
        assert_eq!(at(0.0, 179.999).distance_to(at(0.0, -179.999)).whole(), 223);
        assert_eq!(at(89.999, 0.0).distance_to(at(89.999, 180.0)).whole(), 223);
        assert_eq!(at(90.0, 12.0).distance_to(at(90.0, -80.0)).whole(), 0);
    }
}
