//! Rules about replacing a forgotten password by email. They are no rate limits: they hold always.

use std::time::Duration;

use chrono::TimeDelta;

/// How long a token is valid.
pub const RESET_VALID_FOR: TimeDelta = TimeDelta::minutes(30);
/// The time after which the next token of an account is issued.
pub const RESET_AGAIN_AFTER: TimeDelta = TimeDelta::minutes(1);
/// The period in which the tokens of an account are counted.
pub const RESETS_COUNTED_FOR: TimeDelta = TimeDelta::days(1);
/// Most tokens of an account in that period.
pub const MAX_RESETS_A_DAY: u32 = 5;

/// [`RESET_VALID_FOR`], as emails tell it.
pub(crate) const RESET_LINK_LIFETIME: Duration = Duration::from_mins(30);
