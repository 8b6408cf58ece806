//! Writes about what emergency contacts are told, inside of the transaction of a change.

use allynet_domain::{
    ContactAction, EmergencyId, NoticeEntry, NoticeId, NoticeKind, NoticeNote, PlannedNotice, Timestamp,
    port::{Error, Result},
};
use sqlx::SqliteConnection;
use uuid::Uuid;

use crate::error::port_error;

/// Makes the review of an emergency due, if a contact of its owner has agreed.
pub(super) async fn review(db: &mut SqliteConnection, at: i64, emergency: EmergencyId) -> Result<()> {
    sqlx::query(
        "insert into contact_review (emergency_id, owner_id, due_at) \
         select e.id, e.owner_id, ?2 from emergency e \
         where e.id = ?1 and exists (select 1 from contact_consent k \
                                     where k.account_id = e.owner_id and k.confirmed_at is not null) \
         on conflict (emergency_id) do update set due_at = excluded.due_at",
    )
    .bind(Uuid::from(emergency))
    .bind(at)
    .execute(db)
    .await
    .map_err(port_error)
    .map(drop)
}

/// Stores what a review decided, with the time of the next one.
pub(super) async fn plan(
    db: &mut SqliteConnection,
    at: i64,
    emergency: EmergencyId,
    (lease_until, next_at): (Timestamp, Option<Timestamp>),
    is_over: bool,
    notices: &[NoticeEntry],
) -> Result<()> {
    let emergency = Uuid::from(emergency);
    let claimed = sqlx::query("update contact_review set due_at = ?3 where emergency_id = ?1 and due_at = ?2")
        .bind(emergency)
        .bind(lease_until.timestamp_micros())
        .bind(next_at.map(|at| at.timestamp_micros()))
        .execute(&mut *db)
        .await
        .map_err(port_error)?;
    if claimed.rows_affected() == 0 {
        return Err(Error::Stale);
    }
    if is_over {
        let query = sqlx::query_scalar("delete from contact_review where emergency_id = ?1 returning owner_id");
        let owner: Uuid = query.bind(emergency).fetch_one(&mut *db).await.map_err(port_error)?;
        // Nothing is left to tell for a deleted account.
        return sqlx::query(
            "delete from contact_consent where account_id = ?1 \
             and exists (select 1 from account a where a.id = ?1 and a.deleted_at is not null) \
             and not exists (select 1 from contact_review r where r.owner_id = ?1)",
        )
        .bind(owner)
        .execute(db)
        .await
        .map_err(port_error)
        .map(drop);
    }
    for notice in notices {
        store(db, at, emergency, notice).await?;
    }
    Ok(())
}

/// Stores a notice, unless a node has begun to send it since: it is reviewed when that is noted.
async fn store(db: &mut SqliteConnection, at: i64, emergency: Uuid, entry: &NoticeEntry) -> Result<()> {
    let NoticeEntry { id, mail, planned } = entry;
    let PlannedNotice { consent, contact, told, queue, turn_at } = planned;
    sqlx::query(
        "insert into contact_notice (id, emergency_id, consent_id, contact_id, queued, told, mail_id, queued_at, due_at, turn_at) \
         values (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, iif(?5 is null, null, ?8), ?9) \
         on conflict (emergency_id, consent_id) do update \
         set queued = excluded.queued, told = excluded.told, mail_id = excluded.mail_id, \
             queued_at = excluded.queued_at, due_at = excluded.due_at, turn_at = excluded.turn_at, \
             claimed_until = null, attempts = 0 \
         where contact_notice.claimed_until is null or contact_notice.claimed_until <= ?8",
    )
    .bind(Uuid::from(*id))
    .bind(emergency)
    .bind(Uuid::from(*consent))
    .bind(Uuid::from(*contact))
    .bind(queue.map(NoticeKind::as_str))
    .bind(told.map(NoticeKind::as_str))
    .bind(mail)
    .bind(at)
    .bind(turn_at.timestamp_micros())
    .execute(db)
    .await
    .map_err(port_error)
    .map(drop)
}

/// Stores what became of sending a notice, and makes a review that is planned due: the emergency may have changed meanwhile.
pub(super) async fn note(
    db: &mut SqliteConnection,
    at: i64,
    (emergency, notice): (EmergencyId, NoticeId),
    lease_until: Timestamp,
    note: NoticeNote,
) -> Result<()> {
    let consent: Option<Uuid> = sqlx::query_scalar(
        "update contact_notice set told = iif(?3, queued, told), queued = iif(?4 is null, null, queued), due_at = ?4, \
                turn_at = coalesce(?4, turn_at), claimed_until = null, attempts = attempts + 1, \
                failed_at = iif(?5, ?6, failed_at) \
         where id = ?1 and claimed_until = ?2 returning consent_id",
    )
    .bind(Uuid::from(notice))
    .bind(lease_until.timestamp_micros())
    .bind(note == NoticeNote::Sent)
    .bind(note.retry_at().map(|at| at.timestamp_micros()))
    .bind(note.has_failed())
    .bind(at)
    .fetch_optional(&mut *db)
    .await
    .map_err(port_error)?;
    let Some(consent) = consent else { return Err(Error::Stale) };
    if note == NoticeNote::Undeliverable {
        let query = sqlx::query("update contact_consent set undeliverable = 1 where id = ?1").bind(consent);
        query.execute(&mut *db).await.map_err(port_error)?;
    }
    sqlx::query("update contact_review set due_at = ?2 where emergency_id = ?1 and due_at > ?2")
        .bind(Uuid::from(emergency))
        .bind(at)
        .execute(db)
        .await
        .map_err(port_error)
        .map(drop)
}

/// Stores what a contact says they do.
pub(super) async fn note_action(
    db: &mut SqliteConnection,
    at: i64,
    notice: NoticeId,
    action: ContactAction,
) -> Result<()> {
    let sql = match action {
        ContactAction::WithOwner => {
            "update contact_notice set with_owner_at = ?2 where id = ?1 and with_owner_at is null"
        }
        ContactAction::CalledNumber => "update contact_notice set called_at = ?2 where id = ?1 and called_at is null",
        ContactAction::Read => {
            "update contact_notice set read_at = ?2 \
             where id = ?1 and read_at is null and with_owner_at is null and called_at is null"
        }
    };
    let noted = sqlx::query(sql).bind(Uuid::from(notice)).bind(at).execute(db).await.map_err(port_error)?;
    if noted.rows_affected() == 0 { Err(Error::Stale) } else { Ok(()) }
}
