//! The system's clock and identifiers.

use allynet_domain::{Timestamp, port};
use chrono::{SubsecRound as _, Utc};
use uuid::Uuid;

/// The time of this machine.
#[derive(Debug, Clone, Copy)]
pub(crate) struct SystemClock;

impl port::Clock for SystemClock {
    #[expect(clippy::disallowed_methods, reason = "this is the adapter of the port Clock")]
    fn now(&self) -> Timestamp {
        Utc::now().trunc_subsecs(6)
    }
}

/// UUID v7 by the clock of this machine.
#[derive(Debug, Clone, Copy)]
pub(crate) struct UuidIds;

impl port::Ids for UuidIds {
    #[expect(clippy::disallowed_methods, reason = "this is the adapter of the port Ids")]
    fn next(&self) -> Uuid {
        Uuid::now_v7()
    }
}
