//! Ephemeral values that nodes send each other: positions of helpers, presence, and alert counts that changed without an event.
//!
//! Signals are not in the event log and may be lost. Nothing that must not be lost may depend on them.

use serde::{Deserialize, Serialize};

use crate::{EmergencyId, NodeId, Position, Timestamp, UserId, port::Fix};

/// A value that one node sends to all others.
///
/// Nodes of the next version read it, too: variants and fields may be added, never renamed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Signal {
    /// A new position of a helper on their way.
    Moved {
        /// The helper.
        user: UserId,
        /// Their position.
        position: Position,
        /// The time of the position.
        at: Timestamp,
    },
    /// A new position of the owner of an emergency whose place follows them.
    OwnerMoved {
        /// The emergency.
        emergency: EmergencyId,
        /// Their position.
        position: Position,
        /// The time of the position.
        at: Timestamp,
    },
    /// An announcement of the connections of a node.
    Presence {
        /// The node that announces.
        node: NodeId,
        /// Number of changes that the node has announced so far. A receiver that has counted fewer has missed some.
        count: u64,
        /// The announcement.
        news: Announcement,
    },
    /// Devices received alerts of an emergency without acknowledging them: its alert counts changed, and no event of the log tells.
    AlertsReceived {
        /// The emergency.
        emergency: EmergencyId,
    },
    /// The trace that an event of the log belongs to. Only nodes that export traces send it.
    Traced {
        /// When the event was decided. Identifies it, together with the next three.
        at: Timestamp,
        /// The emergency it belongs to.
        emergency: Option<EmergencyId>,
        /// The user that caused it.
        actor: Option<UserId>,
        /// Its [kind](crate::Event::kind).
        event: String,
        /// The span that caused it, as the header `traceparent` of W3C Trace Context.
        parent: String,
    },
}

/// An announcement of a node about the users connected to it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "news", rename_all = "snake_case")]
pub enum Announcement {
    /// A user has connected, or a connected user went on or off duty.
    Connected {
        /// The user.
        user: UserId,
        /// Whether they are a helper on duty.
        on_duty: bool,
    },
    /// A user has no connection to the node any more.
    Disconnected {
        /// The user.
        user: UserId,
    },
    /// A snapshot: all users connected to the node.
    Snapshot {
        /// The users, and whether each is a helper on duty.
        users: Vec<(UserId, bool)>,
    },
    /// A heartbeat: nothing has changed.
    Heartbeat,
    /// A request for a snapshot.
    SnapshotRequest {
        /// The node that is asked, or `None` for all nodes.
        of: Option<NodeId>,
    },
    /// The node stops and has no connections any more.
    NodeStopping,
}

impl From<&Fix> for Signal {
    fn from(fix: &Fix) -> Self {
        let Fix { user, position, at } = *fix;
        Self::Moved { user, position, at }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{at, id};

    #[test]
    fn signals_of_this_version_stay_readable() {
        let ada = id(1);
        let (node, count) = (id(100), 7);
        let presence = |news| Signal::Presence { node, count, news };
        let position = Position::new(52.5, 13.4).unwrap();
        for (signal, expected) in [
            (
                Signal::Traced {
                    at: at(1),
                    emergency: Some(id(100)),
                    actor: Some(ada),
                    event: "emergency_created".to_owned(),
                    parent: "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01".to_owned(),
                },
                r#"{"kind":"traced","at":"2026-01-15T10:00:01Z","emergency":"00000000-0000-0000-0000-000000000064","actor":"00000000-0000-0000-0000-000000000001","event":"emergency_created","parent":"00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"}"#,
            ),
            (
                Signal::AlertsReceived { emergency: id(100) },
                r#"{"kind":"alerts_received","emergency":"00000000-0000-0000-0000-000000000064"}"#,
            ),
            (
                Signal::Moved { user: ada, position, at: at(1) },
                r#"{"kind":"moved","user":"00000000-0000-0000-0000-000000000001","position":{"latitude":52.5,"longitude":13.4},"at":"2026-01-15T10:00:01Z"}"#,
            ),
            (
                presence(Announcement::Connected { user: ada, on_duty: true }),
                r#"{"kind":"presence","node":"00000000-0000-0000-0000-000000000064","count":7,"news":{"news":"connected","user":"00000000-0000-0000-0000-000000000001","on_duty":true}}"#,
            ),
            (
                presence(Announcement::Snapshot { users: vec![(ada, false)] }),
                r#"{"kind":"presence","node":"00000000-0000-0000-0000-000000000064","count":7,"news":{"news":"snapshot","users":[["00000000-0000-0000-0000-000000000001",false]]}}"#,
            ),
            (
                presence(Announcement::SnapshotRequest { of: Some(node) }),
                r#"{"kind":"presence","node":"00000000-0000-0000-0000-000000000064","count":7,"news":{"news":"snapshot_request","of":"00000000-0000-0000-0000-000000000064"}}"#,
            ),
            (
                presence(Announcement::NodeStopping),
                r#"{"kind":"presence","node":"00000000-0000-0000-0000-000000000064","count":7,"news":{"news":"node_stopping"}}"#,
            ),
        ] {
            assert_eq!(serde_json::to_string(&signal).unwrap(), expected);
            assert_eq!(serde_json::from_str::<Signal>(expected).unwrap(), signal);
        }
    }
}
