//! Where helpers are available, in cells of a kilometre: for administrators, and too coarse to locate one of them.

use std::collections::BTreeMap;

use crate::{
    Position,
    grid::{Grid, helper_cell},
};

/// The smallest number of helpers in a cell that is shown.
const MIN_SHOWN: u32 = 3;

/// The number of available helpers in one cell.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct CellCoverage {
    /// The centre of the cell.
    pub centre: Position,
    /// The number of helpers; `None` if there are one or two.
    pub on_duty: Option<u32>,
}

/// Counts helpers by cell of 1,000 m. Holds no place of a helper.
#[derive(Debug, Clone)]
pub struct Coverage {
    grid: Grid,
    /// By the millionths of a degree of the centre, to which centres are rounded: from south to north, then from west to east.
    cells: BTreeMap<(i64, i64), (Position, u32)>,
}

impl Coverage {
    /// No helpers yet.
    pub const fn new(grid: Grid) -> Self {
        Self { grid, cells: BTreeMap::new() }
    }

    /// Counts a helper at this place, judged like in a search: from the centre of the cell of 250 m.
    pub fn add(&mut self, place: Position) {
        let centre = self.grid.coarse(helper_cell(place));
        #[expect(clippy::cast_possible_truncation, reason = "degrees have three digits before the point")]
        let key = |degrees: f64| (degrees * 1_000_000.0).round() as i64;
        let (_, count) = self.cells.entry((key(centre.latitude()), key(centre.longitude()))).or_insert((centre, 0));
        *count = count.saturating_add(1);
    }

    /// The cells with a helper.
    pub fn cells(&self) -> Vec<CellCoverage> {
        let shown = |count: u32| (count >= MIN_SHOWN).then_some(count);
        self.cells.values().map(|&(centre, count)| CellCoverage { centre, on_duty: shown(count) }).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::position;

    #[test]
    fn helpers_are_counted_by_the_cell_of_the_place_from_which_they_are_judged() {
        let grid = Grid::with_key([7; 16]);
        let mut coverage = Coverage::new(grid);
        let (here, there, far) = (position(52.5, 13.4), position(52.5001, 13.4001), position(-33.9, 151.2));
        assert_eq!(helper_cell(here), helper_cell(there), "so that both count in one cell");
        for place in [here, there, far, here] {
            coverage.add(place);
        }
        let cell = |place, on_duty| CellCoverage { centre: grid.coarse(helper_cell(place)), on_duty };
        assert_eq!(coverage.cells(), [cell(far, None), cell(here, Some(3))]);
        coverage.add(far);
        assert_eq!(coverage.cells()[0].on_duty, None, "two are not shown either");
        assert_eq!(Coverage::new(grid).cells(), []);
    }
}
