//! Positions of users: around cities of a thousand helpers each. More helpers mean more cities, not denser ones.

use std::f64::consts::TAU;

/// The number of helpers of one city.
pub(crate) const HELPERS_PER_CITY: usize = 1_000;
/// The standard deviation of distances from a city's centre, north and east. 39 % of helpers are within this distance, 99 %
/// within three times of it.
const SPREAD_METRES: f64 = 5_000.0;
/// The length of a degree of latitude.
const DEGREE_METRES: f64 = 111_195.0;
/// Far from all cities, in the South Atlantic.
pub(crate) const FAR_FROM_ALL_CITIES: Place = Place { latitude: -45.0, longitude: -20.0 };

/// A position.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Place {
    pub(crate) latitude: f64,
    pub(crate) longitude: f64,
}

/// A random number generator that is the same in every run (`SplitMix64`, Steele, Lea and Flood 2014).
#[derive(Debug, Clone)]
pub(crate) struct Chance(u64);

impl Chance {
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed)
    }

    fn bits(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    /// At least 0 and below 1.
    pub(crate) fn unit(&mut self) -> f64 {
        let high = u32::try_from(self.bits() >> 32).unwrap_or_default();
        f64::from(high) / (f64::from(u32::MAX) + 1.0)
    }

    /// Below `limit`, which is not 0.
    pub(crate) fn below(&mut self, limit: usize) -> usize {
        usize::try_from(self.bits() % limit as u64).unwrap_or_default()
    }

    /// Two of the standard normal distribution (Box and Muller 1958).
    fn normal(&mut self) -> (f64, f64) {
        let radius = (-2.0 * (1.0 - self.unit()).ln()).sqrt();
        let angle = TAU * self.unit();
        (radius * angle.cos(), radius * angle.sin())
    }
}

/// The centre of a city, away from poles and antimeridian. Successive cities are far apart, by multiples of irrational
/// numbers.
fn city(number: usize) -> Place {
    let part = |step: f64| (f64::from(u32::try_from(number).unwrap_or(u32::MAX)) * step).fract();
    Place { latitude: 25.0 + 35.0 * part(0.618_033_988_75), longitude: -170.0 + 340.0 * part(0.414_213_562_37) }
}

/// The centre of one of the cities of `helpers` helpers, around which hundreds of them live.
pub(crate) fn centre(number: usize, helpers: usize) -> Place {
    city(number % cities(helpers))
}

/// A position in one of the cities of `helpers` helpers.
pub(crate) fn somewhere(helpers: usize, chance: &mut Chance) -> Place {
    near(chance.below(cities(helpers)), chance)
}

/// The position of a helper.
pub(crate) fn home(helper: usize, helpers: usize) -> Place {
    near(helper % cities(helpers), &mut Chance::new(helper as u64))
}

fn cities(helpers: usize) -> usize {
    helpers.div_ceil(HELPERS_PER_CITY).max(1)
}

fn near(number: usize, chance: &mut Chance) -> Place {
    let centre = city(number);
    let (north, east) = chance.normal();
    let degrees = SPREAD_METRES / DEGREE_METRES;
    let latitude = centre.latitude + north * degrees;
    Place { latitude, longitude: centre.longitude + east * degrees / latitude.to_radians().cos() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_helper_is_always_at_home() {
        assert_eq!(home(7, 10_000), home(7, 10_000));
        assert_ne!(home(7, 10_000), home(17, 10_000));
    }

    #[test]
    fn two_fifths_of_a_city_live_near_its_centre_however_many_cities_there_are() {
        for helpers in [HELPERS_PER_CITY, 100 * HELPERS_PER_CITY] {
            let centre = city(0);
            let within = (0..helpers).step_by(cities(helpers)).filter(|&helper| {
                let place = home(helper, helpers);
                let north = (place.latitude - centre.latitude) * DEGREE_METRES;
                let east = (place.longitude - centre.longitude) * DEGREE_METRES * centre.latitude.to_radians().cos();
                north.hypot(east) < SPREAD_METRES
            });
            let near = within.count() * 100 / HELPERS_PER_CITY;
            assert!((35..43).contains(&near), "{near} %");
        }
    }

    #[test]
    fn no_helper_is_near_the_position_far_from_all_cities() {
        for number in 0..1_000 {
            let city = city(number);
            assert!(city.latitude >= 25.0 && (-170.0..170.0).contains(&city.longitude), "{city:?}");
        }
    }
}
