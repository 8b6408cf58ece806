//! Reading messages: the port [`Messages`]. The statement leaves out direct messages that the reader may not see.

use allynet_domain::{
    EmergencyAccess, EmergencyId, Message, MessageId, Sender, Text, To, UserId,
    port::{Before, Emergencies, MessagePage, Messages, PostContext, Result},
};
use allynet_sql::RowDecoder;
use async_trait::async_trait;
use tracing::instrument;
use uuid::Uuid;

use crate::{Sqlite, error::port_error};

/// The last `?4` messages of emergency `?1` before the time `?3` and id `?5` that user `?2` may read, and all written at the time of the
/// first of these. The condition for what a user may read occurs twice.
///
/// The inner statement depends on no row of the outer one, so SQLite runs it once, and both are ranges of one index.
pub(crate) const PAGE: &str = "\
    select m.* from message_with_sender m \
    where m.emergency_id = ?1 and (m.created_at, m.id) < (?3, ?5) and m.created_at >= coalesce(( \
        select n.created_at from message_with_sender n where n.emergency_id = ?1 and (n.created_at, n.id) < (?3, ?5) \
        and (n.recipient = 'everyone' or n.sender_id = ?2 or n.recipient_id = ?2 \
             or (n.recipient in ('creator', 'owner') and n.owner_id = ?2)) \
        order by n.created_at desc limit 1 offset ?4 - 1), -9223372036854775808) \
    and (m.recipient = 'everyone' or m.sender_id = ?2 or m.recipient_id = ?2 \
         or (m.recipient in ('creator', 'owner') and m.owner_id = ?2)) \
    order by m.created_at, m.id";

/// A row of `message_with_sender`.
#[derive(sqlx::FromRow)]
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
    created_at: i64,
}

impl TryFrom<MessageRow> for Message {
    type Error = allynet_domain::port::Error;

    fn try_from(row: MessageRow) -> Result<Self> {
        let MessageRow {
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
        } = row;
        let stored = RowDecoder { table: "message", id };
        let sender = || {
            let (Some(id), Some(first_name)) = (sender_id, &first_name) else {
                return Err(stored.corrupt("sender_id"));
            };
            RowDecoder::account(id).person(first_name, last_name.as_deref())
        };
        Ok(Self {
            id: id.into(),
            emergency: emergency_id.into(),
            owner: owner_id.into(),
            anonymous,
            from: match sender_role.as_str() {
                "creator" => Sender::Owner(sender()?),
                "helper" => Sender::Helper(sender()?),
                "system" => Sender::System,
                _ => return Err(stored.corrupt("sender_role")),
            },
            to: match (recipient.as_str(), recipient_id) {
                ("everyone", None) => To::Everyone,
                ("creator", None) => To::Creator,
                ("owner", None) => To::Owner,
                ("helper", Some(helper)) => To::Helper(helper.into()),
                _ => return Err(stored.corrupt("recipient")),
            },
            text: stored.text("body", &body)?,
            created_at: stored.micros("created_at", created_at)?,
        })
    }
}

#[async_trait]
impl Messages for Sqlite {
    #[instrument(name = "sqlite.messages.list", level = "debug", skip_all, fields(emergency = %page.emergency))]
    async fn list(&self, page: &MessagePage) -> Result<Option<(EmergencyAccess, Vec<Message>)>> {
        let &MessagePage { emergency, reader, before, limit } = page;
        let Some(access) = self.access_of(emergency, reader).await? else { return Ok(None) };
        // `PAGE` computes an offset of `limit - 1`.
        if limit == 0 {
            return Ok(Some((access, Vec::new())));
        }
        let (time, id) = self.place(before).await?;
        let rows: Vec<MessageRow> = sqlx::query_as(PAGE)
            .bind(Uuid::from(emergency))
            .bind(Uuid::from(reader))
            .bind(time)
            .bind(limit)
            .bind(id)
            .fetch_all(&self.readers)
            .await
            .map_err(port_error)?;
        let messages = rows.into_iter().map(Message::try_from).collect::<Result<_>>()?;
        Ok(Some((access, messages)))
    }

    #[instrument(name = "sqlite.messages.post_context", level = "debug", skip_all, fields(%emergency))]
    async fn post_context(
        &self,
        emergency: EmergencyId,
        sender: UserId,
        request: Option<Text<100>>,
    ) -> Result<Option<PostContext>> {
        let Some(found) = Emergencies::find(self, emergency).await? else { return Ok(None) };
        let newest: Option<i64> = sqlx::query_scalar("select max(created_at) from message where emergency_id = ?1")
            .bind(Uuid::from(emergency))
            .fetch_one(&self.readers)
            .await
            .map_err(port_error)?;
        let newest = RowDecoder { table: "message", id: emergency }.micros_opt("created_at", newest)?;
        let earlier = match request {
            Some(request) => self.numbered(emergency, sender, &request).await?,
            None => None,
        };
        Ok(Some(PostContext { emergency: found, newest, earlier }))
    }

    #[instrument(name = "sqlite.messages.find", level = "debug", skip_all, fields(%emergency, %message))]
    async fn find(
        &self,
        emergency: EmergencyId,
        message: MessageId,
        reader: UserId,
    ) -> Result<Option<(EmergencyAccess, Option<Message>)>> {
        let Some(access) = self.access_of(emergency, reader).await? else { return Ok(None) };
        let row: Option<MessageRow> =
            sqlx::query_as("select m.* from message_with_sender m where m.emergency_id = ?1 and m.id = ?2")
                .bind(Uuid::from(emergency))
                .bind(Uuid::from(message))
                .fetch_optional(&self.readers)
                .await
                .map_err(port_error)?;
        Ok(Some((access, row.map(Message::try_from).transpose()?)))
    }
}

impl Sqlite {
    /// The time and the id of a place. For a message that is stored they are its own.
    async fn place(&self, before: Option<Before>) -> Result<(i64, Uuid)> {
        let Some(before) = before else { return Ok((i64::MAX, Uuid::nil())) };
        let (time, id) = before.bounds();
        let stored: Option<i64> = match before {
            Before::Time(_) => None,
            Before::Message(_) => sqlx::query_scalar("select created_at from message where id = ?1")
                .bind(id)
                .fetch_optional(&self.readers)
                .await
                .map_err(port_error)?,
        };
        Ok((stored.unwrap_or_else(|| time.timestamp_micros()), id))
    }

    /// The message to which its sender gave this number.
    async fn numbered(&self, of: EmergencyId, sender: UserId, request: &Text<100>) -> Result<Option<Message>> {
        let row: Option<MessageRow> = sqlx::query_as(
            "select m.* from message_request q join message_with_sender m on m.id = q.message_id \
             where q.emergency_id = ?1 and q.sender_id = ?2 and q.request_id = ?3",
        )
        .bind(Uuid::from(of))
        .bind(Uuid::from(sender))
        .bind(request.as_str())
        .fetch_optional(&self.readers)
        .await
        .map_err(port_error)?;
        row.map(Message::try_from).transpose()
    }
}
