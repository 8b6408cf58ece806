//! The parts around sqlx that both database adapters share: idle connections, deadlines, pool metrics, and decoding of
//! stored values.
//!
//! Everything but [`RowDecoder`] is generic over [`sqlx::Database`]. The crate knows no table and no statement, and
//! of the domain only the value types that a row decodes to and the error of its ports.

mod claimed;
mod deadline_pool;
mod error;
mod idle_connections;
mod inspection;
mod metrics;
mod outbox_kind;
mod row_decoder;

pub use claimed::Claimed;
pub use deadline_pool::{Deadline, DeadlinePool};
pub use error::driver_error;
pub use idle_connections::{Checkout, IdleConnections, IdlePolicy, Priority};
pub use inspection::{Inspection, compare_migrations};
pub use metrics::describe as describe_metrics;
pub use outbox_kind::outbox_kind_columns;
pub use row_decoder::RowDecoder;
