//! What nodes tell each other in passing: where a helper is, who is connected. None of it is of the log, and nothing that
//! must not be lost may depend on it.

use serde::{Deserialize, Serialize};

use crate::{NodeId, Position, Timestamp, UserId, port::Fix};

/// Something that one node tells all others. Nodes of the next version read it too: variants and fields may be added,
/// never renamed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Signal {
    /// A helper on their way moved.
    Moved {
        /// Who.
        user: UserId,
        /// Where to.
        position: Position,
        /// When.
        at: Timestamp,
    },
    /// Who is connected to a node.
    Presence {
        /// Which node tells.
        node: NodeId,
        /// How many of its changes it has told so far: who knows of fewer has missed some.
        count: u64,
        /// What.
        news: Announcement,
    },
}

/// What a node tells of the users who are connected to it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "news", rename_all = "snake_case")]
pub enum Announcement {
    /// Somebody has a connection now, or went on or off duty.
    Here {
        /// Who.
        user: UserId,
        /// Whether they are a helper on duty.
        on_duty: bool,
    },
    /// Somebody has no connection any more.
    Gone {
        /// Who.
        user: UserId,
    },
    /// Everybody who has a connection.
    Everybody {
        /// Who, and whether they are a helper on duty.
        users: Vec<(UserId, bool)>,
    },
    /// The node lives, and nothing has changed.
    Alive,
    /// The node wants to know who is connected elsewhere: to this node, or to any.
    Ask {
        /// Which.
        of: Option<NodeId>,
    },
    /// The node is about to stop, and nobody is connected to it any more.
    Leaving,
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
                Signal::Moved { user: ada, position, at: at(1) },
                r#"{"kind":"moved","user":"00000000-0000-0000-0000-000000000001","position":{"latitude":52.5,"longitude":13.4},"at":"2026-01-15T10:00:01Z"}"#,
            ),
            (
                presence(Announcement::Here { user: ada, on_duty: true }),
                r#"{"kind":"presence","node":"00000000-0000-0000-0000-000000000064","count":7,"news":{"news":"here","user":"00000000-0000-0000-0000-000000000001","on_duty":true}}"#,
            ),
            (
                presence(Announcement::Everybody { users: vec![(ada, false)] }),
                r#"{"kind":"presence","node":"00000000-0000-0000-0000-000000000064","count":7,"news":{"news":"everybody","users":[["00000000-0000-0000-0000-000000000001",false]]}}"#,
            ),
            (
                presence(Announcement::Ask { of: Some(node) }),
                r#"{"kind":"presence","node":"00000000-0000-0000-0000-000000000064","count":7,"news":{"news":"ask","of":"00000000-0000-0000-0000-000000000064"}}"#,
            ),
            (
                presence(Announcement::Leaving),
                r#"{"kind":"presence","node":"00000000-0000-0000-0000-000000000064","count":7,"news":{"news":"leaving"}}"#,
            ),
        ] {
            assert_eq!(serde_json::to_string(&signal).unwrap(), expected);
            assert_eq!(serde_json::from_str::<Signal>(expected).unwrap(), signal);
        }
    }
}
