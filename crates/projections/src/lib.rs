//! Projections of the event log and of signals in the memory of a node: open emergencies, helpers on their way,
//! presence in the cluster, and the memberships of connections in rooms.
//!
//! Pure: no I/O, no runtime and no clock. Adapters feed events, signals and the current time, and ask. Nothing here is
//! stored: a node that starts rebuilds every projection from the database, the log and the announcements of other nodes.

mod last_positions;
mod membership;
mod movement;
mod open_emergencies;
mod owner_tracking;
mod pace;
mod presence;
mod replay;
mod tracking;

pub use last_positions::LastPositions;
pub use membership::{Membership, MembershipHistory};
pub use movement::Movements;
pub use open_emergencies::{
    OpenEmergencies,
    moves::FollowedPlace,
    nearby::PositionChange,
    participation::{Engagement, Trip},
};
pub use owner_tracking::{OwnerTracker, OwnerUpdate};
pub use presence::ClusterPresence;
pub use replay::Replay;
pub use tracking::{FixSource, HelperTracker, TrackingUpdate};
