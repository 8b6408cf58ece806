//! Fixtures for tests, here and in every crate that depends on this one: users, an emergency, one of every event.
//!
//! Enabled by the feature `testing`. Ids are small numbers, so that a failed assertion shows what was mixed up: the
//! owner is 1, helpers are 2 and 3, the emergency is 100. Time is counted in seconds from one fixed moment, see [`at`].

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::missing_panics_doc,
    reason = "a fixture that cannot be made fails the test"
)]

mod access_log;
mod contention;
mod devices;
mod emergencies;
mod events;
mod outbox;
#[cfg(any(test, feature = "mocks"))]
mod ports;
mod resources;
mod users;

pub use access_log::no_access_log;
pub use contention::{no_backoff, no_hashing_queue, no_queue};
#[cfg(any(test, feature = "mocks"))]
pub use devices::push_ports;
pub use devices::{PUSH_KEY, device};
pub use emergencies::{
    COMPLETION_HOLD, REACCEPT_PAUSE, active_emergency, anonymous, call, cancelled, details, edited, message,
    message_from_helper, message_from_owner, raised, recipient, resolved, response, with_responses, with_team,
};
pub use events::every_event;
pub use outbox::stored_message;
#[cfg(any(test, feature = "mocks"))]
pub use ports::{Committed, clock, events_of, events_of_service, ids, now, store, updated};
pub use resources::no_resources;
pub use users::{account, account_of, actor, admin, grace_hopper, helper, helper_card, helper_record, owner, person};

use std::{net::IpAddr, sync::Arc};

use chrono::TimeDelta;
use uuid::Uuid;

use crate::{
    DeliveryId, DeviceId, Email, EmergencyId, Position, Text, Timestamp,
    outbox::TopicClass,
    port::{KeyedHash, KeyedHasher, ReceiptToken},
};

/// Ada Lovelace, the owner of [`call`].
pub const OWNER: u128 = 1;
/// Grace Hopper, a verified helper on duty.
pub const GRACE_HOPPER: u128 = 2;
/// Alan, another verified helper on duty.
pub const ALAN: u128 = 3;
/// A user that is neither helper nor administrator.
pub const STRANGER: u128 = 8;
/// An administrator.
pub const ADMIN: u128 = 9;
/// The emergency of [`call`].
pub const EMERGENCY: u128 = 100;
/// The message of [`message`].
pub const MESSAGE: u128 = 300;

/// The identifier with this number.
pub fn id<I: From<Uuid>>(n: u128) -> I {
    Uuid::from_u128(n).into()
}

/// The moment this many seconds after 2026-01-15T10:00:00Z.
pub fn at(seconds: i64) -> Timestamp {
    "2026-01-15T10:00:00Z".parse::<Timestamp>().unwrap() + TimeDelta::seconds(seconds)
}

/// Hashes emails by their length and addresses by their last byte.
pub fn keyed_hasher() -> Arc<dyn KeyedHasher> {
    struct ByLength;

    impl KeyedHasher for ByLength {
        fn hash_email(&self, email: &Email) -> KeyedHash {
            KeyedHash::new([u8::try_from(email.as_str().len()).unwrap(); 16])
        }

        fn hash_address(&self, address: IpAddr) -> KeyedHash {
            match address {
                IpAddr::V4(address) => KeyedHash::new([address.octets()[3]; 16]),
                IpAddr::V6(address) => KeyedHash::new([address.octets()[15]; 16]),
            }
        }

        fn receipt_of(&self, delivery: DeliveryId, planned_at: Timestamp) -> ReceiptToken {
            let planned_at = u128::from(planned_at.timestamp_micros().unsigned_abs());
            let id = (Uuid::from(delivery).as_u128() ^ planned_at).to_be_bytes();
            ReceiptToken::new([id, id].concat().try_into().unwrap())
        }

        fn hash_receipt(&self, receipt: &ReceiptToken) -> KeyedHash {
            KeyedHash::new(receipt.expose()[..16].try_into().unwrap())
        }

        fn receipt_hashes(&self, receipt: &ReceiptToken) -> Vec<KeyedHash> {
            let before = KeyedHash::new(receipt.expose()[16..].try_into().unwrap());
            vec![self.hash_receipt(receipt), before]
        }

        fn hash_topic(&self, _: Option<EmergencyId>, device: DeviceId, _: TopicClass) -> KeyedHash {
            KeyedHash::new(*Uuid::from(device).as_bytes())
        }
    }

    Arc::new(ByLength)
}

/// A text that is known to be valid.
pub fn text<const MAX: usize>(text: &str) -> Text<MAX> {
    Text::parse(text).unwrap()
}

/// A position that is known to be valid.
pub fn position(latitude: f64, longitude: f64) -> Position {
    Position::new(latitude, longitude).unwrap()
}
