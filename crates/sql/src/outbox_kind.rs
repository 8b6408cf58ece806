//! How the kind of a message of the outbox is stored.

use allynet_domain::OutboxKind;

/// The columns `kind` and `purpose` of a message. Nodes of the release before read `kind` only, and know no check: they send it as
/// news about the emergency.
pub const fn outbox_kind_columns(kind: OutboxKind) -> (&'static str, Option<&'static str>) {
    match kind {
        OutboxKind::Check => (OutboxKind::Message.as_str(), Some(kind.as_str())),
        OutboxKind::Alert
        | OutboxKind::Ended
        | OutboxKind::Joined
        | OutboxKind::Arrived
        | OutboxKind::Unanswered
        | OutboxKind::Message
        | OutboxKind::Test => (kind.as_str(), None),
    }
}
