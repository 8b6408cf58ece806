//! The identifiers of the domain, one type each, and where they come from in tests and in production.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// A text that is not an identifier in its hyphenated form (RFC 9562, 36 characters).
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
    /// An emergency.
    EmergencyId,
    /// An account, and the person behind it.
    UserId,
    /// A message within an emergency.
    MessageId,
    /// A session: one login on one device, from login to logout.
    SessionId,
    /// One refresh token of a session.
    TokenId,
    /// A person to be told in an emergency.
    ContactId,
    /// One run of one process of the service.
    NodeId,
}

/// The place of an event in the log. Grows with time across the whole service.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct EventId(i64);

impl EventId {
    /// Before the first event.
    pub const START: Self = Self(0);

    /// The id with this number in the log.
    pub const fn new(seq: i64) -> Self {
        Self(seq)
    }

    /// The number in the log.
    pub const fn get(self) -> i64 {
        self.0
    }
}

impl fmt::Display for EventId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}
