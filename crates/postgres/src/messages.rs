//! Messages of an emergency, read together with the reader's access to it.

use allynet_domain::{
    EmergencyAccess, EmergencyId, Message, MessageId, Person, Sender, Text, Timestamp, To, UserId,
    port::{Before, MessagePage, Messages, PostContext, Result},
};
use allynet_sql::RowDecoder;
use async_trait::async_trait;
use serde::Deserialize;
use sqlx::{FromRow, Postgres as Pg, postgres::PgArguments, query::QueryAs};
use tracing::instrument;
use uuid::Uuid;

use crate::{Postgres, emergency_row::EmergencyRow, error::failed, rows::AccessRow};

/// The access of the user `$2` to the emergency `$1`, and its message `$3` as an array of one [`MessageRow`].
const FIND: &str = "
    SELECT e.owner_id = $2 AS owns, e.status, e.revision,
        (EXISTS (SELECT FROM user_block b WHERE b.owner_id = e.owner_id AND b.blocked_id = $2)
            OR NOT e.anonymous
                AND EXISTS (SELECT FROM user_block b WHERE b.owner_id = $2 AND b.blocked_id = e.owner_id)) AS hidden,
        EXISTS (SELECT FROM response r
                WHERE r.emergency_id = e.id AND r.helper_id = $2 AND r.status <> 'cancelled') AS responds,
        (
            SELECT json_agg(json_build_object('id', m.id, 'owner_id', e.owner_id, 'anonymous', e.anonymous,
                'sender_role', m.sender_role, 'sender_id', m.sender_id, 'first_name', s.first_name,
                'last_name', s.last_name, 'recipient', m.recipient, 'recipient_id', m.recipient_id, 'body', m.body,
                'created_at', m.created_at))::text
            FROM message m LEFT JOIN account s ON s.id = m.sender_id
            WHERE m.emergency_id = e.id AND m.id = $3
        ) AS found
    FROM emergency e WHERE e.id = $1";

/// The access of the user `$2` to the emergency `$1`, and a page of the messages that they may read as [`MessageRow`]s:
/// the newest `$4` before the message `$5`, or before the time `$3` and id `$5` if there is no such message, and those that
/// share the time of the last one.
const LIST: &str = "
    SELECT e.owner_id = $2 AS owns, e.status, e.revision,
        (EXISTS (SELECT FROM user_block b WHERE b.owner_id = e.owner_id AND b.blocked_id = $2)
            OR NOT e.anonymous
                AND EXISTS (SELECT FROM user_block b WHERE b.owner_id = $2 AND b.blocked_id = e.owner_id)) AS hidden,
        EXISTS (SELECT FROM response r
                WHERE r.emergency_id = e.id AND r.helper_id = $2 AND r.status <> 'cancelled') AS responds,
        (
            SELECT json_agg(json_build_object('id', m.id, 'owner_id', e.owner_id, 'anonymous', e.anonymous,
                'sender_role', m.sender_role, 'sender_id', m.sender_id, 'first_name', s.first_name,
                'last_name', s.last_name, 'recipient', m.recipient, 'recipient_id', m.recipient_id, 'body', m.body,
                'created_at', m.created_at) ORDER BY m.created_at, m.id)::text
            FROM (
                SELECT * FROM message
                WHERE emergency_id = e.id
                    AND (created_at, id) < (coalesce((SELECT c.created_at FROM message c WHERE c.id = $5), $3), $5)
                    AND (recipient = 'everyone' OR sender_id = $2 OR recipient_id = $2)
                ORDER BY created_at DESC FETCH FIRST $4 ROWS WITH TIES
            ) AS m
            LEFT JOIN account s ON s.id = m.sender_id
        ) AS found
    FROM emergency e WHERE e.id = $1";

/// The emergency `$1` with the time of its newest message, and the message that the user `$2` numbered `$3` as an array of
/// one [`MessageRow`].
const POST_CONTEXT: &str = "
    SELECT v.*, (SELECT max(m.created_at) FROM message m WHERE m.emergency_id = v.id) AS newest,
        (
            SELECT json_agg(json_build_object('id', m.id, 'owner_id', v.owner_id, 'anonymous', v.anonymous,
                'sender_role', m.sender_role, 'sender_id', m.sender_id, 'first_name', s.first_name,
                'last_name', s.last_name, 'recipient', m.recipient, 'recipient_id', m.recipient_id, 'body', m.body,
                'created_at', m.created_at))::text
            FROM message_request q JOIN message m ON m.id = q.message_id LEFT JOIN account s ON s.id = m.sender_id
            WHERE q.emergency_id = v.id AND q.sender_id = $2 AND q.request_id = $3
        ) AS found
    FROM emergency_with_parts_v3 v WHERE v.id = $1";

statements!(FIND, LIST, POST_CONTEXT);

#[derive(FromRow)]
struct PostContextRow {
    #[sqlx(flatten)]
    emergency: EmergencyRow,
    newest: Option<Timestamp>,
    found: Option<String>,
}

#[derive(Deserialize)]
struct MessageRow {
    id: Uuid,
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
    fn message(self, emergency: EmergencyId) -> Result<Message> {
        let Self {
            id,
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
        let stored = RowDecoder { table: "message", id };
        let sender = match (sender_id, first_name) {
            (Some(id), Some(first_name)) => Some(RowDecoder::account(id).person(&first_name, last_name.as_deref())?),
            _ => None,
        };
        Ok(Message {
            id: id.into(),
            emergency,
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
    #[instrument(name = "pg.messages.list", level = "debug", skip_all, fields(emergency = %page.emergency))]
    async fn list(&self, page: &MessagePage) -> Result<Option<(EmergencyAccess, Vec<Message>)>> {
        let MessagePage { emergency, reader, before, limit } = *page;
        let (time, id) = before.map_or((Timestamp::MAX_UTC, Uuid::nil()), Before::bounds);
        let query = sqlx::query_as(LIST)
            .bind(Uuid::from(emergency))
            .bind(Uuid::from(reader))
            .bind(time)
            .bind(i64::from(limit))
            .bind(id);
        self.access_and_messages(emergency, query).await
    }

    #[instrument(name = "pg.messages.post_context", level = "debug", skip_all, fields(%emergency))]
    async fn post_context(
        &self,
        emergency: EmergencyId,
        sender: UserId,
        request: Option<Text<100>>,
    ) -> Result<Option<PostContext>> {
        let row: Option<PostContextRow> = sqlx::query_as(POST_CONTEXT)
            .bind(Uuid::from(emergency))
            .bind(Uuid::from(sender))
            .bind(request.as_ref().map(Text::as_str))
            .fetch_optional(self.main())
            .await
            .map_err(failed)?;
        let Some(PostContextRow { emergency: row, newest, found }) = row else { return Ok(None) };
        let earlier = messages(emergency, found.as_deref())?.pop();
        Ok(Some(PostContext { emergency: row.emergency()?, newest, earlier }))
    }

    #[instrument(name = "pg.messages.find", level = "debug", skip_all, fields(%emergency, %message))]
    async fn find(
        &self,
        emergency: EmergencyId,
        message: MessageId,
        reader: UserId,
    ) -> Result<Option<(EmergencyAccess, Option<Message>)>> {
        let query = sqlx::query_as(FIND).bind(Uuid::from(emergency)).bind(Uuid::from(reader)).bind(Uuid::from(message));
        let found = self.access_and_messages(emergency, query).await?;
        Ok(found.map(|(access, messages)| (access, messages.into_iter().next())))
    }
}

type Query = QueryAs<'static, Pg, AccessRow, PgArguments>;

impl Postgres {
    async fn access_and_messages(
        &self,
        of: EmergencyId,
        query: Query,
    ) -> Result<Option<(EmergencyAccess, Vec<Message>)>> {
        let row = query.fetch_optional(self.main()).await.map_err(failed)?;
        let Some(row) = row else { return Ok(None) };
        let (access, found) = row.access(of.into())?;
        Ok(Some((access, messages(of, found.as_deref())?)))
    }
}

/// The messages of an emergency in an aggregate of [`MessageRow`]s, which is null if there are none.
fn messages(of: EmergencyId, found: Option<&str>) -> Result<Vec<Message>> {
    let Some(found) = found else { return Ok(Vec::new()) };
    let rows: Vec<MessageRow> = RowDecoder { table: "message", id: Uuid::from(of) }.json("emergency_id", found)?;
    rows.into_iter().map(|row| row.message(of)).collect()
}
