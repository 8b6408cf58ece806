//! How far a reader of the log may go: the rule by which no event is passed that may still be committing. Pure; the
//! statements are in `events`.
//!
//! Numbers are drawn before commit, so a higher one may be seen first. But a transaction has its id before it draws a
//! number. So a transaction id taken *after* a number was seen is later than the id of every transaction that drew a
//! lower number, and once a snapshot shows all transactions up to that id as ended, all lower numbers that will ever
//! exist are in that same snapshot. What is then still missing was rolled back, or deleted since.

/// Where a reader stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Cursor {
    /// The last number handed out.
    at: i64,
    barrier: Option<Barrier>,
}

/// A transaction id, taken after `covers` was seen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Barrier {
    covers: i64,
    transaction: i64,
}

/// What a reader may do with what it read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Step {
    /// Hand out this many, at least one.
    HandOut(usize),
    /// A number is missing: take a transaction id, and call [`Cursor::wait_for`] with it and this number.
    TakeId {
        /// The highest number seen.
        seen: i64,
    },
    /// A number is missing that may still be committing: read again soon.
    ReadAgain,
    /// There is nothing new.
    Idle,
}

impl Cursor {
    /// A reader that has handed out everything up to this number.
    pub(crate) const fn new(at: i64) -> Self {
        Self { at, barrier: None }
    }

    /// The last number handed out.
    pub(crate) const fn at(&self) -> i64 {
        self.at
    }

    /// Decides on numbers after [`Self::at`], growing, read in a snapshot in which all transactions before `horizon`
    /// have ended.
    pub(crate) fn decide(&self, numbers: impl IntoIterator<Item = i64>, horizon: i64) -> Step {
        let cleared = self.barrier.filter(|b| horizon > b.transaction).map_or(self.at, |b| b.covers);
        let (mut last, mut ready, mut seen) = (self.at, 0, None);
        for number in numbers {
            if last + 1 == number || number <= cleared {
                last = number;
                ready += 1;
            }
            seen = Some(number);
        }
        match (seen, self.barrier) {
            (None, _) => Step::Idle,
            (Some(_), _) if ready > 0 => Step::HandOut(ready),
            (Some(_), Some(barrier)) if horizon <= barrier.transaction => Step::ReadAgain,
            (Some(seen), _) => Step::TakeId { seen },
        }
    }

    /// Everything up to `seen` may be passed once this transaction, whose id was taken after `seen` was, and all
    /// before it have ended.
    pub(crate) fn wait_for(&mut self, transaction: i64, seen: i64) {
        self.barrier = Some(Barrier { covers: seen, transaction });
    }

    /// Everything up to this number was handed out.
    pub(crate) fn advance(&mut self, at: i64) {
        self.at = at;
        self.barrier = self.barrier.filter(|b| b.covers > at);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_contiguous_run_is_handed_out_and_a_gap_is_not_passed() {
        for (at, numbers, step) in [
            (0, vec![], Step::Idle),
            (0, vec![1, 2, 3], Step::HandOut(3)),
            (7, vec![8, 9, 11, 12], Step::HandOut(2)),
            (7, vec![9, 10], Step::TakeId { seen: 10 }),
        ] {
            assert_eq!(Cursor::new(at).decide(numbers, i64::MAX), step);
        }
    }

    #[test]
    fn a_gap_waits_until_all_transactions_up_to_the_own_one_have_ended() {
        let mut cursor = Cursor::new(7);
        cursor.wait_for(100, 10);
        assert_eq!(cursor.decide([9, 10], 99), Step::ReadAgain);
        assert_eq!(cursor.decide([9, 10], 100), Step::ReadAgain);
        assert_eq!(cursor.decide([9, 10], 101), Step::HandOut(2));
        assert_eq!(cursor.decide([8, 9, 10], 101), Step::HandOut(3));
    }

    #[test]
    fn a_number_that_appears_meanwhile_is_handed_out_at_once() {
        let mut cursor = Cursor::new(7);
        cursor.wait_for(100, 10);
        assert_eq!(cursor.decide([8, 10], 100), Step::HandOut(1));
        cursor.advance(8);
        assert_eq!(cursor.decide([10], 100), Step::ReadAgain);
        assert_eq!(cursor.decide([9, 10], 100), Step::HandOut(2));
    }

    #[test]
    fn one_id_covers_all_gaps_below_what_was_seen_and_none_above() {
        let mut cursor = Cursor::new(7);
        cursor.wait_for(100, 12);
        assert_eq!(cursor.decide([9, 12, 13, 15], 101), Step::HandOut(3));
        cursor.advance(13);
        assert_eq!(cursor.decide([15], 101), Step::TakeId { seen: 15 });
    }

    #[test]
    fn what_was_seen_may_be_deleted_meanwhile() {
        let mut cursor = Cursor::new(7);
        cursor.wait_for(100, 10);
        assert_eq!(cursor.decide([], 101), Step::Idle);
        assert_eq!(cursor.decide([20], 101), Step::TakeId { seen: 20 });
    }
}
