//! The last position that each user reported to this node.

use std::collections::HashMap;

use allynet_domain::{Position, Timestamp, UserId};
use chrono::TimeDelta;

/// Time for which a position is kept. For a later report, the previous position counts as unknown.
const LAST_POSITION_RETENTION: TimeDelta = TimeDelta::hours(1);
/// Below this size the map is not searched for expired positions.
const MIN_PURGE_SIZE: usize = 1024;

/// Last positions by user. Memory is bounded by twice the users of one `LAST_POSITION_RETENTION`.
#[derive(Debug, Default)]
pub struct LastPositions {
    last: HashMap<UserId, (Position, Timestamp)>,
    purge_size: usize,
}

impl LastPositions {
    /// Stores the position of a user and returns the one before, if it is not older than an hour.
    ///
    /// Amortised constant: expired positions are removed whenever the map has doubled since the last time.
    pub fn replace(&mut self, user: UserId, position: Position, at: Timestamp) -> Option<Position> {
        if self.last.len() >= self.purge_size.max(MIN_PURGE_SIZE) {
            self.last.retain(|_, (_, reported_at)| at - *reported_at < LAST_POSITION_RETENTION);
            self.purge_size = self.last.len() * 2;
        }
        let (before, reported_at) = self.last.insert(user, (position, at))?;
        (at - reported_at < LAST_POSITION_RETENTION).then_some(before)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use allynet_domain::testing::id;

    fn at(metres: f64) -> Position {
        Position::new(metres / 111_000.0, 0.0).unwrap()
    }

    #[test]
    fn a_position_is_forgotten_after_an_hour() {
        let mut positions = LastPositions::default();
        let at_hour = |hours| Timestamp::UNIX_EPOCH + TimeDelta::hours(hours);
        assert_eq!(positions.replace(id(1), at(1.0), at_hour(0)), None);
        assert_eq!(positions.replace(id(1), at(2.0), at_hour(0)), Some(at(1.0)));
        assert_eq!(positions.replace(id(1), at(3.0), at_hour(2)), None, "too long ago");
        for n in 0..10 * MIN_PURGE_SIZE as u128 {
            positions.replace(id(1_000 + n), at(0.0), at_hour(i64::try_from(n).unwrap()));
        }
        assert!(positions.last.len() <= MIN_PURGE_SIZE, "{}", positions.last.len());
    }
}
