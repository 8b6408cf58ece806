//! The context of all scenarios.

use crate::{form::Form, world::DatabaseServer};

/// The context of a scenario.
pub(crate) struct BenchContext {
    pub(crate) form: Form,
    pub(crate) databases: DatabaseServer,
}
