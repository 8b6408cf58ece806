//! Messages of the outbox.

use super::{GRACE_HOPPER, at, id};
use crate::{
    Locale, OutboxKind,
    outbox::{Addresses, AlertState, StoredMessage},
};

/// A message of this kind to [`GRACE_HOPPER`] about the live emergency [`super::EMERGENCY`], stored at second 0 and worth sending
/// for 15 minutes. She can be reached by her devices only.
pub fn stored_message(kind: OutboxKind) -> StoredMessage {
    StoredMessage {
        id: id(1),
        kind,
        user: id(GRACE_HOPPER),
        emergency: Some(id(super::EMERGENCY)),
        emergency_kind: None,
        event: None,
        distance: None,
        created_at: at(0),
        counts_since: at(0),
        expires_at: at(900),
        addresses: Addresses { locale: Locale::English, email: None, phone: None },
        state: AlertState {
            is_live: true,
            seen_at: None,
            is_answered: false,
            is_away: false,
            is_helped: false,
            is_owner: false,
            is_silenced: false,
        },
    }
}
