//! Writes of messages and reports, inside of the transaction of a change.

use allynet_domain::{
    EmergencyId, Message, MessageId, Sender, Text, Timestamp, To, UserId,
    port::{Error, Result},
};
use sqlx::SqliteConnection;
use uuid::Uuid;

use crate::error::port_error;

pub(super) async fn post(db: &mut SqliteConnection, message: &Message) -> Result<()> {
    // Owner and anonymity are columns of the emergency.
    let Message { id, emergency, owner: _, anonymous: _, from, to, text, created_at } = message;
    let sender_role = match from {
        Sender::Owner(_) => "creator",
        Sender::Helper(_) => "helper",
        Sender::System => "system",
    };
    let (recipient, recipient_id) = match to {
        To::Everyone => ("everyone", None),
        To::Creator => ("creator", None),
        To::Owner => ("owner", None),
        To::Helper(helper) => ("helper", Some(Uuid::from(*helper))),
    };
    sqlx::query(
        "insert into message (id, emergency_id, sender_role, sender_id, recipient, recipient_id, body, created_at) \
         values (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
    )
    .bind(Uuid::from(*id))
    .bind(Uuid::from(*emergency))
    .bind(sender_role)
    .bind(from.id().map(Uuid::from))
    .bind(recipient)
    .bind(recipient_id)
    .bind(text.as_str())
    .bind(created_at.timestamp_micros())
    .execute(db)
    .await
    .map_err(port_error)
    .map(drop)
}

/// No other message comes in between: there is one writer.
pub(super) async fn expect_before(db: &mut SqliteConnection, emergency: EmergencyId, before: Timestamp) -> Result<()> {
    let newer: Option<i64> =
        sqlx::query_scalar("select 1 from message where emergency_id = ?1 and created_at >= ?2 limit 1")
            .bind(Uuid::from(emergency))
            .bind(before.timestamp_micros())
            .fetch_optional(db)
            .await
            .map_err(port_error)?;
    if newer.is_none() { Ok(()) } else { Err(Error::Stale) }
}

pub(super) async fn add_request(
    db: &mut SqliteConnection,
    emergency: EmergencyId,
    sender: UserId,
    request: &Text<100>,
    message: MessageId,
) -> Result<()> {
    sqlx::query("insert into message_request (emergency_id, sender_id, request_id, message_id) values (?1, ?2, ?3, ?4)")
        .bind(Uuid::from(emergency))
        .bind(Uuid::from(sender))
        .bind(request.as_str())
        .bind(Uuid::from(message))
        .execute(db)
        .await
        .map_err(port_error)
        .map(drop)
}

pub(super) async fn delete(db: &mut SqliteConnection, emergency: EmergencyId, message: MessageId) -> Result<()> {
    sqlx::query("delete from message where id = ?1 and emergency_id = ?2")
        .bind(Uuid::from(message))
        .bind(Uuid::from(emergency))
        .execute(&mut *db)
        .await
        .map_err(port_error)?;
    sqlx::query(
        "delete from event where emergency_id = ?2 and kind = 'message_posted' and body ->> '$.message.id' = ?1",
    )
    .bind(message.to_string())
    .bind(Uuid::from(emergency))
    .execute(db)
    .await
    .map_err(port_error)
    .map(drop)
}

pub(super) async fn report(
    db: &mut SqliteConnection,
    at: i64,
    emergency: EmergencyId,
    reporter: UserId,
    about: UserId,
    reason: &Text<500>,
) -> Result<()> {
    sqlx::query(
        "insert into report (emergency_id, reporter_id, about_id, reason, created_at) values (?1, ?2, ?3, ?4, ?5)",
    )
    .bind(Uuid::from(emergency))
    .bind(Uuid::from(reporter))
    .bind(Uuid::from(about))
    .bind(reason.as_str())
    .bind(at)
    .execute(db)
    .await
    .map_err(port_error)
    .map(drop)
}
