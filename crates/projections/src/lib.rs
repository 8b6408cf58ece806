//! What a node keeps in memory, derived from the event log and from signals between nodes: open emergencies, helpers on
//! their way, and presence in the cluster.
//!
//! Pure: no I/O, no runtime and no clock. Adapters feed events, signals and the current time, and ask. Nothing here is
//! stored; every projection is rebuilt when the process starts.

#[cfg(test)]
mod given;
mod live;
mod movements;
mod roster;
mod unanswered;

pub use live::{LiveEmergencies, Trip};
pub use movements::Movements;
pub use roster::Roster;
pub use unanswered::Unanswered;
