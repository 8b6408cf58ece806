//! How the kind of a message of the outbox is stored.

use allynet_domain::OutboxKind;

/// The columns `kind` and `purpose` of a message. Nodes of the release before read `kind` only, and know neither checks nor
/// that helpers need not come: they send these as news about the emergency.
pub const fn outbox_kind_columns(kind: OutboxKind) -> (&'static str, Option<&'static str>) {
    match kind {
        OutboxKind::Check | OutboxKind::StandDown => (OutboxKind::Message.as_str(), Some(kind.as_str())),
        OutboxKind::Alert
        | OutboxKind::Ended
        | OutboxKind::Joined
        | OutboxKind::Arrived
        | OutboxKind::Unanswered
        | OutboxKind::Message
        | OutboxKind::Test => (kind.as_str(), None),
    }
}
