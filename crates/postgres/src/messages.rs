//! Messages, read.

use allynet_domain::{
    EmergencyId, Message, MessageId, Person, Sender, Timestamp, To,
    port::{Error, MessagePage, Messages, Result},
};
use async_trait::async_trait;
use sqlx::FromRow;
use tracing::instrument;
use uuid::Uuid;

use crate::{
    Postgres,
    rows::{Stored, person},
};

/// Selects [`MessageRow`]s of a message `m`.
macro_rules! message {
    ($from:expr) => {
        concat!(
            "SELECT m.id, m.emergency_id, e.owner_id, e.anonymous, m.sender_role, m.sender_id, s.first_name, \
             s.last_name, m.recipient, m.recipient_id, m.body, m.created_at FROM ",
            $from,
            " JOIN emergency e ON e.id = m.emergency_id LEFT JOIN account s ON s.id = m.sender_id"
        )
    };
}

const FIND: &str = concat!(message!("message m"), " WHERE m.emergency_id = $1 AND m.id = $2");
const LIST: &str = concat!(
    message!(
        "(SELECT * FROM message WHERE emergency_id = $1 AND created_at < coalesce($3, 'infinity'::timestamptz) \
              AND (recipient = 'everyone' OR sender_id = $2 OR recipient_id = $2) \
          ORDER BY created_at DESC FETCH FIRST $4 ROWS WITH TIES) AS m"
    ),
    " ORDER BY m.created_at, m.id"
);

statements!(FIND, LIST);

#[derive(FromRow)]
struct MessageRow {
    id: Uuid,
    emergency_id: Uuid,
    owner_id: Uuid,
    anonymous: bool,
    sender_role: String,
    sender_id: Option<Uuid>,
    first_name: Option<String>,
    last_name: Option<String>,
    recipient: String,
    recipient_id: Option<Uuid>,
    body: String,
    created_at: Timestamp,
}

impl MessageRow {
    fn message(self) -> Result<Message> {
        let Self {
            id,
            emergency_id,
            owner_id,
            anonymous,
            sender_role,
            sender_id,
            first_name,
            last_name,
            recipient,
            recipient_id,
            body,
            created_at,
        } = self;
        let stored = Stored { table: "message", id };
        let sender = match (sender_id, first_name) {
            (Some(id), Some(first_name)) => Some(person(id, &first_name, last_name.as_deref())?),
            _ => None,
        };
        Ok(Message {
            id: id.into(),
            emergency: emergency_id.into(),
            owner: owner_id.into(),
            anonymous,
            from: from(&sender_role, sender).ok_or_else(|| stored.corrupt("sender_role"))?,
            to: to(&recipient, recipient_id).ok_or_else(|| stored.corrupt("recipient"))?,
            text: stored.text("body", &body)?,
            created_at,
        })
    }
}

fn from(role: &str, sender: Option<Person>) -> Option<Sender> {
    match (role, sender) {
        ("creator", Some(person)) => Some(Sender::Owner(person)),
        ("helper", Some(person)) => Some(Sender::Helper(person)),
        ("system", None) => Some(Sender::System),
        _ => None,
    }
}

fn to(recipient: &str, id: Option<Uuid>) -> Option<To> {
    match (recipient, id) {
        ("everyone", None) => Some(To::Everyone),
        ("creator", Some(_)) => Some(To::Creator),
        ("owner", Some(_)) => Some(To::Owner),
        ("helper", Some(helper)) => Some(To::Helper(helper.into())),
        _ => None,
    }
}

#[async_trait]
impl Messages for Postgres {
    #[instrument(name = "pg.messages.list", level = "debug", skip_all)]
    async fn list(&self, page: &MessagePage) -> Result<Vec<Message>> {
        let MessagePage { emergency, reader, before, limit } = *page;
        let rows: Vec<MessageRow> = sqlx::query_as(LIST)
            .bind(Uuid::from(emergency))
            .bind(Uuid::from(reader))
            .bind(before)
            .bind(i64::from(limit))
            .fetch_all(self.main())
            .await
            .map_err(Error::unavailable)?;
        rows.into_iter().map(MessageRow::message).collect()
    }

    #[instrument(name = "pg.messages.find", level = "debug", skip_all)]
    async fn find(&self, emergency: EmergencyId, message: MessageId) -> Result<Option<Message>> {
        let row: Option<MessageRow> = sqlx::query_as(FIND)
            .bind(Uuid::from(emergency))
            .bind(Uuid::from(message))
            .fetch_optional(self.main())
            .await
            .map_err(Error::unavailable)?;
        row.map(MessageRow::message).transpose()
    }
}
