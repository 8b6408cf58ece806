//! The reputation of a helper: trust and ratings.

use serde::{Deserialize, Serialize};

/// The reputation of a helper.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct HelperReputation {
    /// Trust, `0..=`[`MAX_TRUST`].
    pub trust_score: u16,
    /// Sum of all scores received.
    pub rating_sum: u32,
    /// Number of scores received.
    pub rating_count: u32,
}

/// Trust that a helper gains when an emergency in which the helper arrived is resolved.
pub const TRUST_FOR_HELPING: u16 = 50;
/// Upper bound of the trust score.
pub const MAX_TRUST: u16 = 1000;

impl HelperReputation {
    /// Mean of the scores received, `1.0..=5.0` rounded to two digits, or `0.0` without scores.
    pub fn rating_average(&self) -> f64 {
        if self.rating_count == 0 {
            return 0.0;
        }
        (f64::from(self.rating_sum) * 100.0 / f64::from(self.rating_count)).round() / 100.0
    }
}

/// An owner's score for a helper: 1 (worst) to 5.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(transparent)]
pub struct Score(u8);

/// A number that is not a [`Score`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("score must be from 1 to 5")]
pub struct ScoreError;

impl Score {
    /// Parses a score.
    ///
    /// # Errors
    /// Returns an error unless `score` is in `1..=5`.
    pub const fn new(score: u8) -> Result<Self, ScoreError> {
        if matches!(score, 1..=5) { Ok(Self(score)) } else { Err(ScoreError) }
    }

    /// The score as a number, `1..=5`.
    pub const fn get(self) -> u8 {
        self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_one_to_five_is_a_score() {
        let accepted: Vec<u8> = (0..=u8::MAX).filter(|&n| Score::new(n).is_ok()).collect();
        assert_eq!(accepted, [1, 2, 3, 4, 5]);
        assert_eq!(Score::new(4).map(Score::get), Ok(4));
    }
}
