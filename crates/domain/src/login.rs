//! The limits of failed logins: guessing ends soon, and a stranger who guesses does not keep the owner out.

use chrono::TimeDelta;

use crate::{Refusal, Timestamp};

/// Failed logins to one account from one address in [`FAILURES_PER_ADDRESS_WITHIN`], above which more are refused.
pub const MAX_FAILURES_PER_ADDRESS: u32 = 10;
/// The time in which failed logins from one address count.
pub const FAILURES_PER_ADDRESS_WITHIN: TimeDelta = TimeDelta::minutes(15);
/// Failed logins to one account from all addresses in [`FAILURES_PER_ACCOUNT_WITHIN`], above which more are refused.
pub const MAX_FAILURES_PER_ACCOUNT: u32 = 100;
/// The time in which failed logins from all addresses count.
pub const FAILURES_PER_ACCOUNT_WITHIN: TimeDelta = TimeDelta::hours(1);
/// The time since the last login of an account for which its address is known. Failed logins from elsewhere do not count
/// for a known address.
pub const ADDRESS_KNOWN_FOR: TimeDelta = TimeDelta::days(30);
/// Known addresses of one account; the oldest are forgotten.
pub const MAX_KNOWN_ADDRESSES: u32 = 50;

/// The failed logins to one account, as seen from one address.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct FailedLogins {
    /// Whether the account logged in from this address in the last [`ADDRESS_KNOWN_FOR`].
    pub is_known_address: bool,
    /// When the last but [`MAX_FAILURES_PER_ADDRESS`] minus one login from this address failed; `None` if there were fewer.
    pub limiting_here: Option<Timestamp>,
    /// When the last but [`MAX_FAILURES_PER_ACCOUNT`] minus one login failed; `None` if there were fewer.
    pub limiting_in_total: Option<Timestamp>,
}

impl FailedLogins {
    /// Whether another login may be tried.
    ///
    /// # Errors
    /// [`Refusal::TooSoon`].
    pub fn allow_attempt(&self, now: Timestamp) -> Result<(), Refusal> {
        let here = self.limiting_here.map(|failed| failed + FAILURES_PER_ADDRESS_WITHIN);
        let in_total = self.limiting_in_total.filter(|_| !self.is_known_address);
        let in_total = in_total.map(|failed| failed + FAILURES_PER_ACCOUNT_WITHIN);
        match here.max(in_total) {
            Some(allowed_at) if allowed_at > now => Err(Refusal::TooSoon { retry_after: allowed_at - now }),
            _ => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::now;

    fn refused_for(failed: FailedLogins) -> Option<TimeDelta> {
        match failed.allow_attempt(now()) {
            Ok(()) => None,
            Err(Refusal::TooSoon { retry_after }) => Some(retry_after),
            Err(other) => panic!("{other:?}"),
        }
    }

    #[test]
    fn an_attempt_is_refused_until_the_limiting_failure_does_not_count() {
        let ago = |minutes| Some(now() - TimeDelta::minutes(minutes));
        let minutes = |minutes| Some(TimeDelta::minutes(minutes));
        for (is_known_address, limiting_here, limiting_in_total, expected) in [
            (false, None, None, None),
            (false, ago(14), None, minutes(1)),
            (false, ago(15), None, None),
            (false, None, ago(59), minutes(1)),
            (false, None, ago(60), None),
            (false, ago(10), ago(50), minutes(10)),
            // A known address has its own count, and passes that of all addresses.
            (true, None, ago(1), None),
            (true, ago(14), ago(1), minutes(1)),
        ] {
            let failed = FailedLogins { is_known_address, limiting_here, limiting_in_total };
            assert_eq!(refused_for(failed), expected, "{failed:?}");
        }
    }
}
