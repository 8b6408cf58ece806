//! Grids of cells on the earth, in metres: the place of a cell stands for every place within it.
//!
//! The earth is cut into rows of equal height, parallel to the equator, counted from the south pole. Each row is cut into
//! a whole number of cells of equal width, counted from the antimeridian: as few as keep a cell no wider than high. So no
//! cell is cut by the antimeridian, cells are as wide at 60° as at the equator, and a row at a pole is a few sectors. A
//! cell may be cut into equal parts once more, which are then never in two cells.
//!
//! Metres are those of a sphere, `MEAN_RADIUS`: on the ellipsoid a cell differs from its nominal size by at most 0.5 %.

use crate::Position;

/// The mean radius of WGS 84 in metres, `(2a + b) / 3`.
const MEAN_RADIUS: f64 = 6_371_008.8;
/// Centres are rounded to whole millionths of a degree, 0.1 m.
const CENTRE_STEPS: f64 = 1_000_000.0;

/// Height of a cell of [`Grid::coarse`], in metres.
pub const COARSE_CELL: u32 = 1_000;
/// Height of a cell of [`Grid::fine`], in metres.
pub const FINE_CELL: u32 = 200;
/// Cells of [`Grid::fine`] along each side of a cell of [`Grid::coarse`].
const FINE_PER_COARSE: u32 = COARSE_CELL / FINE_CELL;
/// Height of a cell of [`helper_cell`], in metres.
pub const HELPER_CELL: u32 = 250;

/// No place is further from the centre of its cell of [`Grid::fine`], in metres.
pub const MAX_FINE_OFFSET: f64 = 143.0;
/// No place is further from the centre of its cell of [`Grid::coarse`], in metres.
pub const MAX_COARSE_OFFSET: f64 = 712.0;
/// No place is further from the centre of its cell of [`helper_cell`], in metres.
pub const MAX_HELPER_OFFSET: f64 = 179.0;

/// The grid of the places of emergencies: cells of 1,000 m, each of five by five cells of 200 m.
///
/// It is shifted by a key, so that the borders are not known in advance. Every emergency uses the same shift: with one of
/// its own for each, the mean of several emergencies from one home would find the home.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Grid {
    /// How far rows are shifted to the south, as a fraction of a row.
    south: f64,
    /// How far cells are shifted to the west, as a fraction of a full circle.
    west: f64,
}

impl Grid {
    /// The grid with this key, which MUST be the same for the life of the service.
    pub fn with_key(key: [u8; 16]) -> Self {
        // A key may be a UUID: the octets between, which hold its version and its variant, are not random.
        Self { south: fraction(&key[..6]), west: fraction(&key[10..]) }
    }

    /// The centre of the cell of 1,000 m that holds a place.
    pub fn coarse(self, place: Position) -> Position {
        self.centre(place, COARSE_CELL, 1)
    }

    /// The centre of the cell of 200 m that holds a place.
    pub fn fine(self, place: Position) -> Position {
        self.centre(place, COARSE_CELL, FINE_PER_COARSE)
    }

    /// The fractions by which the grid is shifted, to the south and to the west.
    pub const fn shifts(self) -> (f64, f64) {
        (self.south, self.west)
    }

    /// The centre of one of `parts` by `parts` parts of a cell of `height` metres.
    fn centre(self, place: Position, height: u32, parts: u32) -> Position {
        let (parts, height) = (f64::from(parts), (f64::from(height) / MEAN_RADIUS).to_degrees());
        let rows = (place.latitude() + 90.0) / height + self.south;
        let row = rows.floor();
        let border = |row: f64| ((row - self.south) * height - 90.0).clamp(-90.0, 90.0);
        // The longer border decides, which is the one nearer to the equator: no cell is wider than high.
        let longest = border(row).to_radians().cos().max(border(row + 1.0).to_radians().cos());
        let cells = (360.0 * longest / height).ceil().max(1.0);
        let columns = ((place.longitude() + 180.0) / 360.0 + self.west).rem_euclid(1.0) * cells;
        // Rounding may reach the next whole number, which is no column.
        let column = columns.floor().min(cells - 1.0);
        let middle =
            |whole: f64, at: f64| whole + (((at - whole) * parts).floor().clamp(0.0, parts - 1.0) + 0.5) / parts;
        let latitude = (middle(row, rows) - self.south) * height - 90.0;
        let longitude = (middle(column, columns) / cells - self.west).rem_euclid(1.0) * 360.0 - 180.0;
        let round = |degrees: f64, limit: f64| ((degrees * CENTRE_STEPS).round() / CENTRE_STEPS).clamp(-limit, limit);
        // Both are in range; a row may reach beyond a pole.
        Position::new(round(latitude, 90.0), round(longitude, 180.0)).unwrap_or(place)
    }
}

/// The centre of the cell of 250 m from which a helper's distance is judged.
///
/// This grid has no key: its centres are never sent to a client.
pub fn helper_cell(place: Position) -> Position {
    Grid { south: 0.0, west: 0.0 }.centre(place, HELPER_CELL, 1)
}

/// Octets as the digits of a number in `0.0..1.0`.
fn fraction(octets: &[u8]) -> f64 {
    octets.iter().rev().fold(0.0, |rest, &octet| (rest + f64::from(octet)) / 256.0)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn at(latitude: f64, longitude: f64) -> Position {
        Position::new(latitude, longitude).unwrap()
    }

    fn anywhere() -> impl Strategy<Value = Position> {
        let edge = |limit: f64| prop_oneof![6 => -limit..=limit, 1 => Just(limit), 1 => Just(-limit), 1 => limit - 0.1..=limit, 1 => -limit..=0.1 - limit];
        (edge(90.0), edge(180.0)).prop_map(|(latitude, longitude)| at(latitude, longitude))
    }

    fn grids() -> impl Strategy<Value = Grid> {
        any::<[u8; 16]>().prop_map(Grid::with_key)
    }

    proptest! {
        #![proptest_config(ProptestConfig { max_global_rejects: 1_000_000, ..ProptestConfig::with_cases(5_000) })]

        #[test]
        fn no_place_is_far_from_the_centre_of_its_cell(grid in grids(), place in anywhere()) {
            for (centre, offset) in [
                (grid.fine(place), MAX_FINE_OFFSET),
                (grid.coarse(place), MAX_COARSE_OFFSET),
                (helper_cell(place), MAX_HELPER_OFFSET),
            ] {
                let distance = place.distance_to(centre).get();
                prop_assert!(distance <= offset, "{distance} m to {centre:?}, more than {offset}");
            }
        }

        #[test]
        fn places_in_one_cell_of_200_m_are_in_one_cell_of_1000_m(grid in grids(), place in anywhere(), north in -0.001..0.001_f64, east in -0.001..0.001_f64) {
            let longitude = (place.longitude() + east + 540.0).rem_euclid(360.0) - 180.0;
            let other = at((place.latitude() + north).clamp(-90.0, 90.0), longitude);
            prop_assume!(grid.fine(place) == grid.fine(other));
            prop_assert_eq!(grid.coarse(place), grid.coarse(other));
        }

        #[test]
        fn a_centre_is_in_its_own_cell(grid in grids(), place in anywhere()) {
            // At a pole the centre of a row that reaches beyond it is the pole, where all sectors meet.
            prop_assume!(place.latitude().abs() < 89.99);
            prop_assert_eq!(grid.fine(grid.fine(place)), grid.fine(place));
            prop_assert_eq!(grid.coarse(grid.coarse(place)), grid.coarse(place));
            prop_assert_eq!(helper_cell(helper_cell(place)), helper_cell(place));
        }
    }

    #[test]
    fn five_by_five_cells_of_200_m_are_one_of_1000_m() {
        let grid = Grid::with_key([7; 16]);
        for latitude in [0.0, 52.5, -71.3] {
            let coarse = grid.coarse(at(latitude, 13.4));
            // A walk in steps of some 20 m through the neighbourhood, which meets every part of the cell.
            let degrees = |step: u32| (f64::from(step) - 40.0) * 0.000_2;
            let fine = (0..80).flat_map(|n| (0..80).map(move |e| (degrees(n), degrees(e))));
            let places =
                fine.map(|(n, e)| at(coarse.latitude() + n, coarse.longitude() + e / latitude.to_radians().cos()));
            let inside = places.filter(|place| grid.coarse(*place) == coarse);
            let mut centres: Vec<_> = inside
                .map(|place| grid.fine(place))
                .map(|c| (c.latitude().to_bits(), c.longitude().to_bits()))
                .collect();
            centres.sort_unstable();
            centres.dedup();
            assert_eq!(centres.len(), 25, "at {latitude}");
            assert_eq!(grid.fine(coarse), coarse, "the middle part has the same centre");
        }
    }

    #[test]
    fn cells_do_not_end_at_the_antimeridian() {
        let grid = Grid::with_key([7; 16]);
        assert_eq!(grid.coarse(at(10.0, 180.0)), grid.coarse(at(10.0, -180.0)));
        let (mut west, mut east) = (at(10.0, 179.999_9), at(10.0, -179.999_9));
        if grid.coarse(west) != grid.coarse(east) {
            // A border happens to be there: a step aside it is not.
            (west, east) = (at(10.005, 179.999_9), at(10.005, -179.999_9));
        }
        assert_eq!(grid.coarse(west), grid.coarse(east));
    }

    #[test]
    fn another_key_is_another_grid() {
        let place = at(52.5, 13.4);
        assert_ne!(Grid::with_key([1; 16]).coarse(place), Grid::with_key([2; 16]).coarse(place));
        assert_eq!(Grid::with_key([1; 16]).coarse(place), Grid::with_key([1; 16]).coarse(place));
    }
}
