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

/// The first eight bytes of the ids under which records of deleted accounts are kept. An id of an account has the time of its
/// registration there, which is never 0.
const FORMER_USER: u128 = 0x7000;
/// The other eight bytes.
const LOW_BYTES: u128 = (1 << 64) - 1;

impl UserId {
    /// The one id under which all deleted accounts are shown: others cannot tell which records are of the same account.
    pub const FORMER: Self = Self(Uuid::from_u128((FORMER_USER << 64) | 0x8000_0000_0000_0000));

    /// An id for the records of an account that is deleted, with the random bits of a new id.
    pub const fn of_former(new: Uuid) -> Self {
        Self(Uuid::from_u128((FORMER_USER << 64) | (new.as_u128() & LOW_BYTES)))
    }

    /// Whether records of a deleted account are kept under this id.
    pub const fn is_former(self) -> bool {
        self.0.as_u128() >> 64 == FORMER_USER
    }

    /// The id under which others are shown the account.
    #[must_use]
    pub const fn shown(self) -> Self {
        if self.is_former() { Self::FORMER } else { self }
    }
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_deleted_accounts_are_shown_under_one_id_that_no_other_account_has() {
        let registered = Uuid::from_u128(0x0197_6a3f_5a10_7c11_9b0e_0123_4567_89ab);
        let (one, other) = (UserId::of_former(registered), UserId::of_former(Uuid::from_u128(u128::MAX)));
        assert_ne!(one, other);
        assert_eq!([one, other].map(UserId::shown), [UserId::FORMER; 2]);
        assert!([one, other, UserId::FORMER].into_iter().all(UserId::is_former));
        assert_eq!(one.to_string(), "00000000-0000-7000-9b0e-0123456789ab");
        let account = UserId::from(registered);
        assert!(!account.is_former());
        assert_eq!(account.shown(), account);
    }
}
