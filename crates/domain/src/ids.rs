//! Identifiers, one type for each kind.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// A text that is not a UUID in hyphenated form (RFC 9562, 36 characters).
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not an identifier")]
pub struct NotAnId;

macro_rules! ids {
    ($($(#[$doc:meta])* $name:ident),+ $(,)?) => {$(
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(Uuid);

        impl From<Uuid> for $name {
            fn from(uuid: Uuid) -> Self {
                Self(uuid)
            }
        }

        impl From<$name> for Uuid {
            fn from(id: $name) -> Self {
                id.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }

        impl FromStr for $name {
            type Err = NotAnId;

            fn from_str(text: &str) -> Result<Self, NotAnId> {
                if text.len() != uuid::fmt::Hyphenated::LENGTH {
                    return Err(NotAnId);
                }
                Uuid::try_parse(text).map(Self).map_err(|_| NotAnId)
            }
        }
    )+};
}

ids! {
    /// The id of a block that a user made.
    BlockId,
    /// The id of a delivery: a message of the outbox on its way to one device.
    DeliveryId,
    /// The id of a device.
    DeviceId,
    /// The id of an emergency.
    EmergencyId,
    /// The id of a user and their account.
    UserId,
    /// The id of a message.
    MessageId,
    /// The id of a message of the outbox.
    OutboxId,
    /// The id of a resource: a box with a defibrillator, for example.
    ResourceId,
    /// The id of a session.
    SessionId,
    /// The id of a refresh token.
    TokenId,
    /// The id of an emergency contact.
    ContactId,
    /// The id of the consent of an address to messages about a user.
    ConsentId,
    /// The id of a notice: all emails to one address about one emergency.
    NoticeId,
    /// The id of a node: one run of one process of the service.
    NodeId,
}

/// The position of an event in the log, which grows with time across the whole service.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct EventId(i64);

impl EventId {
    /// The position before the first event.
    pub const START: Self = Self(0);
    /// A position after every event, in place of an id that a client sent and that is none.
    pub const UNKNOWN: Self = Self(i64::MAX);

    /// The position with this number.
    pub const fn new(seq: i64) -> Self {
        Self(seq)
    }

    /// The number.
    pub const fn get(self) -> i64 {
        self.0
    }
}

impl fmt::Display for EventId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}
