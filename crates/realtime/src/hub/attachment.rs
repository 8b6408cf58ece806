//! Inputs and results of attaching a connection to the hub, joining a room, and ending a replay.

use std::sync::Arc;

use allynet_domain::{EmergencyId, EventId, Room, Stage, UserId, View};
use allynet_projections::MembershipHistory;

use crate::hub::{log_entry::LogEntry, members::CloseReason};

/// Rooms of a user as read from the database.
///
/// This node has taken in every event that the read was based on ([`LogProgress::catch_up_to`]).
///
/// [`LogProgress::catch_up_to`]: crate::hub::log_progress::LogProgress::catch_up_to
#[derive(Debug, Clone)]
pub(crate) struct RoomSnapshot {
    /// An event that this node had seen before the read began: later events may or may not be part of it.
    pub(crate) read_after: EventId,
    pub(crate) rooms: Vec<Room>,
}

/// Outcome of attaching a connection.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Attachment {
    /// It is sent every event from now on, or every event is held back for it.
    Attached,
    /// The snapshot is older than the ring reaches back: read it again.
    Outdated,
    /// An event since the snapshot ends the connection.
    Closed(CloseReason),
    /// The greeting could not be sent, or the service is stopping.
    Refused,
}

/// The position after which a client wants a replay of the events of a room that it joins.
#[derive(Debug, Clone, Copy)]
pub(crate) struct ReplayFrom {
    /// The last event that the client has.
    pub(crate) last_event: EventId,
    pub(crate) room: JoinedRoom,
}

/// A room that is joined by name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum JoinedRoom {
    /// That of an emergency.
    Emergency(EmergencyId),
    /// That of dispatchers.
    Dispatchers,
}

/// State of a connection at the moment when it joined a room.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct JoinPoint {
    /// The last event that it is not sent live.
    pub(crate) position: EventId,
    /// Its memberships until then, which determine the events that it was sent already.
    pub(crate) history: MembershipHistory,
    /// The user of the connection.
    pub(crate) user: UserId,
    /// The stage of the connection in the emergency whose room it joined.
    pub(crate) stage: Stage,
}

/// Outcome of joining a room.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum JoinOutcome {
    /// The connection is in the room. Events are held back for it if it wants a replay.
    Joined(Box<JoinPoint>),
    /// The user's rights may have changed since the snapshot: read it again.
    Outdated,
}

/// Outcome of the attempt to end a replay.
#[derive(Debug)]
pub(crate) enum Release {
    /// The connection is sent every event from now on.
    Live,
    /// These events come first, and are too many for the lock; later ones are still held back.
    SendFirst(Vec<(Arc<LogEntry>, View)>),
    /// The connection did not accept an event: try again later.
    Busy,
    /// The connection is over, or events that were held back were dropped.
    Lost,
}
