//! The adapters of the ports `Clock` and `Ids`: the system clock and UUID v7.

use allynet_domain::{Timestamp, port};
use chrono::{SubsecRound as _, Utc};
use uuid::Uuid;

/// The system clock, truncated to microseconds: the precision that both databases store.
#[derive(Debug, Clone, Copy)]
pub(crate) struct SystemClock;

impl port::Clock for SystemClock {
    #[expect(clippy::disallowed_methods, reason = "this is the adapter of the port Clock")]
    fn now(&self) -> Timestamp {
        Utc::now().trunc_subsecs(6)
    }
}

/// UUID v7, which is ordered by the system clock.
#[derive(Debug, Clone, Copy)]
pub(crate) struct UuidV7Ids;

impl port::Ids for UuidV7Ids {
    #[expect(clippy::disallowed_methods, reason = "this is the adapter of the port Ids")]
    fn next(&self) -> Uuid {
        Uuid::now_v7()
    }
}
