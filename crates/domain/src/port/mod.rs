//! Ports: the traits through which the domain uses stores, clocks, tokens and other nodes.
//!
//! Adapters implement them. The contract suite checks every persistence adapter for what their documentation says MUST
//! hold.
//!
//! With the feature `mocks`, each trait has a [`mockall`](https://docs.rs/mockall) mock named `Mock…` beside it.

mod access_log;
mod accounts;
mod alerts;
mod blocks;
mod changes;
mod channels;
mod contact_notices;
mod contacts;
mod contention;
mod devices;
mod emergencies;
mod environment;
mod events;
mod exports;
mod helpers;
mod links;
mod logins;
mod messages;
mod outbox;
mod password_resets;
mod positions;
mod resources;
mod retention;
mod security;
mod sessions;
mod signals;

pub use access_log::*;
pub use accounts::*;
pub use alerts::*;
pub use blocks::*;
pub use changes::*;
pub use channels::*;
pub use contact_notices::*;
pub use contacts::*;
pub use contention::*;
pub use devices::*;
pub use emergencies::*;
pub use environment::*;
pub use events::*;
pub use exports::*;
pub use helpers::*;
pub use links::*;
pub use logins::*;
pub use messages::*;
pub use outbox::*;
pub use password_resets::*;
pub use positions::*;
pub use resources::*;
pub use retention::*;
pub use security::*;
pub use sessions::*;
pub use signals::*;

/// A rule that the store enforces, because it must hold under any concurrency.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Constraint {
    /// The account that raises an emergency exists.
    Owner,
    /// An administrator that is not blocked is left.
    LastAdministrator,
    /// One account per email.
    Email,
    /// One live emergency per owner.
    LiveEmergency,
    /// One emergency per owner and request id.
    RequestId,
    /// One engaged response per helper.
    Engaged,
    /// One message per sender and request id in an emergency.
    MessageRequestId,
    /// Only accounts that may help respond.
    MayHelp,
    /// One rating per emergency and helper.
    Rating,
    /// One report per emergency, reporter and party.
    Report,
    /// At most [`MAX_BLOCKS`](crate::MAX_BLOCKS) blocks in the list of a user.
    Blocks,
}

/// The error of a port.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The change was decided on data that has changed since: load and decide again.
    #[error("the stored revision is another")]
    Stale,
    /// The change violates a rule that the store enforces.
    #[error("the store keeps {0:?} unique")]
    Conflict(Constraint),
    /// Stored data has no meaning in the domain.
    #[error("{table}.{column} of {id} is corrupt")]
    Corrupt {
        /// The table.
        table: &'static str,
        /// The column.
        column: &'static str,
        /// The row.
        id: String,
    },
    /// The backend did not answer, or not in time. Trying again can help.
    #[error("the backend is unavailable")]
    Unavailable(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// A defect of this program: a violated `CHECK` or `NOT NULL`, an undefined column, a column that does not decode,
    /// a value that cannot be serialized. Trying again cannot help, so it is logged and never retried.
    #[error("the adapter has a defect")]
    Bug(#[source] Box<dyn std::error::Error + Send + Sync>),
}

/// The source of [`Error::Unavailable`] when a write failed because the storage of the backend is full.
#[derive(Debug, thiserror::Error)]
#[error("the storage is full")]
pub struct StorageFull(#[source] Box<dyn std::error::Error + Send + Sync>);

impl StorageFull {
    /// Wraps the error of the backend.
    pub fn new(source: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        Self(source.into())
    }
}

impl Error {
    /// Whether the storage of the backend is full.
    pub fn is_storage_full(&self) -> bool {
        matches!(self, Self::Unavailable(source) if source.is::<StorageFull>())
    }

    /// Wraps a failure of the backend after which trying again can help.
    pub fn unavailable(source: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        Self::Unavailable(source.into())
    }

    /// Wraps a failure that only a change of the program can fix.
    pub fn bug(source: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        Self::Bug(source.into())
    }
}

/// The result of a port.
pub type Result<T> = std::result::Result<T, Error>;
