//! A row of the event log.

use allynet_domain::{
    EventId, LoggedEvent,
    port::{Error, Result},
};
use allynet_sql::RowDecoder;
use uuid::Uuid;

#[derive(sqlx::FromRow)]
pub(crate) struct EventRow {
    pub(crate) seq: i64,
    at: i64,
    emergency_id: Option<Uuid>,
    actor_id: Option<Uuid>,
    body: String,
}

impl TryFrom<EventRow> for LoggedEvent {
    type Error = Error;

    fn try_from(EventRow { seq, at, emergency_id, actor_id, body }: EventRow) -> Result<Self> {
        let stored = RowDecoder { table: "event", id: seq };
        Ok(Self {
            id: EventId::new(seq),
            at: stored.micros("at", at)?,
            emergency: emergency_id.map(Into::into),
            actor: actor_id.map(Into::into),
            event: stored.json("body", &body)?,
        })
    }
}
