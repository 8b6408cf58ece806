//! The cursor of a reader of the log: it never passes an event that may still be committing.
//!
//! Numbers are drawn before commit, so a higher one may be visible first. But a transaction takes its id before it draws a
//! number. So a transaction id taken *after* a number was seen is later than the ids of all transactions that drew lower
//! numbers, and once a snapshot shows every transaction up to that id as ended, all lower numbers that will ever exist are in
//! that snapshot. What is missing then was rolled back, or deleted since.
//!
//! Pure; the statements are in `events`.

/// The position of a reader, and the gap at which it waits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Cursor {
    /// The last number returned.
    at: i64,
    /// Taken at the last gap; kept until everything that it covers was returned.
    barrier: Option<Barrier>,
}

/// A transaction id that was taken after the number `covers` was seen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Barrier {
    covers: i64,
    transaction: i64,
}

/// The next step of a reader.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Step {
    /// Hand out this many, at least one.
    Return(usize),
    /// A number is missing: take a transaction id, and call [`Cursor::wait_for`] with it and this number.
    TakeId {
        /// The highest number seen.
        seen: i64,
    },
    /// A missing number may still be committing: read again soon.
    ReadAgain,
    /// There is nothing new.
    Idle,
}

impl Cursor {
    /// A reader that has returned everything up to this number.
    pub(crate) const fn new(at: i64) -> Self {
        Self { at, barrier: None }
    }

    /// The last number returned.
    pub(crate) const fn at(&self) -> i64 {
        self.at
    }

    /// Decides on the numbers after [`Self::at`], in order, of a snapshot in which all transactions before `horizon` have
    /// ended.
    pub(crate) fn decide(&self, numbers: impl IntoIterator<Item = i64>, horizon: i64) -> Step {
        let cleared = self.barrier.filter(|b| horizon > b.transaction).map_or(self.at, |b| b.covers);
        let (mut last, mut ready, mut seen) = (self.at, 0, None);
        for number in numbers {
            // Below `cleared` a gap is final. Above it only a contiguous run is complete.
            if last + 1 == number || number <= cleared {
                last = number;
                ready += 1;
            }
            seen = Some(number);
        }
        match (seen, self.barrier) {
            (None, _) => Step::Idle,
            (Some(_), _) if ready > 0 => Step::Return(ready),
            (Some(_), Some(barrier)) if horizon <= barrier.transaction => Step::ReadAgain,
            // No barrier yet, or this gap is beyond what the last one covers.
            (Some(seen), _) => Step::TakeId { seen },
        }
    }

    /// Allows to pass everything up to `seen` once `transaction` and all earlier ones have ended. Its id must have been taken
    /// after `seen` was.
    pub(crate) fn wait_for(&mut self, transaction: i64, seen: i64) {
        self.barrier = Some(Barrier { covers: seen, transaction });
    }

    /// Notes that everything up to this number was returned.
    pub(crate) fn advance(&mut self, at: i64) {
        self.at = at;
        self.barrier = self.barrier.filter(|b| b.covers > at);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_contiguous_run_is_handed_out_and_a_gap_ends_it() {
        for (at, numbers, step) in [
            (0, vec![], Step::Idle),
            (0, vec![1, 2, 3], Step::Return(3)),
            (7, vec![8, 9, 11, 12], Step::Return(2)),
            (7, vec![9, 10], Step::TakeId { seen: 10 }),
        ] {
            assert_eq!(Cursor::new(at).decide(numbers, i64::MAX), step);
        }
    }

    #[test]
    fn a_gap_is_passed_when_all_transactions_up_to_the_own_one_have_ended() {
        let mut cursor = Cursor::new(7);
        cursor.wait_for(100, 10);
        assert_eq!(cursor.decide([9, 10], 99), Step::ReadAgain);
        assert_eq!(cursor.decide([9, 10], 100), Step::ReadAgain);
        assert_eq!(cursor.decide([9, 10], 101), Step::Return(2));
        assert_eq!(cursor.decide([8, 9, 10], 101), Step::Return(3));
    }

    #[test]
    fn a_number_that_fills_the_gap_is_handed_out_at_once() {
        let mut cursor = Cursor::new(7);
        cursor.wait_for(100, 10);
        assert_eq!(cursor.decide([8, 10], 100), Step::Return(1));
        cursor.advance(8);
        assert_eq!(cursor.decide([10], 100), Step::ReadAgain);
        assert_eq!(cursor.decide([9, 10], 100), Step::Return(2));
    }

    #[test]
    fn one_transaction_id_covers_all_gaps_below_the_number_seen_and_none_above() {
        let mut cursor = Cursor::new(7);
        cursor.wait_for(100, 12);
        assert_eq!(cursor.decide([9, 12, 13, 15], 101), Step::Return(3));
        cursor.advance(13);
        assert_eq!(cursor.decide([15], 101), Step::TakeId { seen: 15 });
    }

    #[test]
    fn events_that_were_deleted_while_waiting_are_passed() {
        let mut cursor = Cursor::new(7);
        cursor.wait_for(100, 10);
        assert_eq!(cursor.decide([], 101), Step::Idle);
        assert_eq!(cursor.decide([20], 101), Step::TakeId { seen: 20 });
    }
}
