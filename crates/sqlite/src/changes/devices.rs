//! Writes to devices, inside of the transaction of a change.

use allynet_domain::{
    Device, DeviceId, MAX_DEVICES, PushKey, SessionId, Text, UserId,
    port::{Error, Result},
};
use sqlx::SqliteConnection;
use uuid::Uuid;

use crate::{
    error::port_error,
    rows::{hex, to_json},
};

pub(super) async fn register(db: &mut SqliteConnection, device: &Device, replaced: &[DeviceId]) -> Result<()> {
    let Device {
        id,
        user,
        session,
        name,
        subscription,
        push_key,
        created_at,
        last_sent_at,
        last_delivered_at,
        refused,
        unknown_since: _,
        tests: _,
    } = device;
    let is_live: bool = sqlx::query_scalar(
        "select exists (select 1 from session s join account a on a.id = s.account_id \
         where s.id = ?1 and s.revoked_at is null and not a.blocked)",
    )
    .bind(Uuid::from(*session))
    .fetch_one(&mut *db)
    .await
    .map_err(port_error)?;
    if !is_live {
        return Err(Error::Stale);
    }
    let replaced: Vec<_> = replaced.iter().map(|id| hex(*id)).collect();
    sqlx::query("delete from device where id in (select unhex(value) from json_each(?1))")
        .bind(to_json(&replaced)?)
        .execute(&mut *db)
        .await
        .map_err(port_error)?;
    sqlx::query(
        "insert into device (id, account_id, session_id, name, endpoint, p256dh, auth, push_key, created_at, \
             last_sent_at, last_delivered_at, refused) \
         values (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12) \
         on conflict (id) do update set session_id = excluded.session_id, name = excluded.name, \
             p256dh = excluded.p256dh, auth = excluded.auth, push_key = excluded.push_key, refused = excluded.refused, \
             unknown_since = null",
    )
    .bind(Uuid::from(*id))
    .bind(Uuid::from(*user))
    .bind(Uuid::from(*session))
    .bind(name.as_ref().map(Text::as_str))
    .bind(subscription.endpoint())
    .bind(subscription.p256dh().as_slice())
    .bind(subscription.auth().as_slice())
    .bind(push_key.as_slice())
    .bind(created_at.timestamp_micros())
    .bind(last_sent_at.map(|at| at.timestamp_micros()))
    .bind(last_delivered_at.map(|at| at.timestamp_micros()))
    .bind(refused)
    .execute(&mut *db)
    .await
    .map_err(port_error)?;
    let count: i64 = sqlx::query_scalar("select count(*) from device where account_id = ?1")
        .bind(Uuid::from(*user))
        .fetch_one(db)
        .await
        .map_err(port_error)?;
    if usize::try_from(count).is_ok_and(|count| count <= MAX_DEVICES) { Ok(()) } else { Err(Error::Stale) }
}

pub(super) async fn remove(db: &mut SqliteConnection, user: UserId, device: DeviceId) -> Result<()> {
    let removed = sqlx::query("delete from device where id = ?1 and account_id = ?2")
        .bind(Uuid::from(device))
        .bind(Uuid::from(user))
        .execute(db)
        .await
        .map_err(port_error)?;
    if removed.rows_affected() == 0 { Err(Error::Stale) } else { Ok(()) }
}

/// Stores that the user of a device was told of the present key. `Stale` if that was stored before.
pub(super) async fn note_key_change(db: &mut SqliteConnection, device: DeviceId, key: &PushKey) -> Result<()> {
    let noted = sqlx::query("update device set told_key = ?2 where id = ?1 and told_key is not ?2")
        .bind(Uuid::from(device))
        .bind(key.as_slice())
        .execute(db)
        .await
        .map_err(port_error)?;
    if noted.rows_affected() == 0 { Err(Error::Stale) } else { Ok(()) }
}

/// Removes the devices of sessions: one, all but one, or all.
pub(super) async fn remove_of_sessions(
    db: &mut SqliteConnection,
    user: UserId,
    only: Option<SessionId>,
    except: Option<SessionId>,
) -> Result<()> {
    sqlx::query(
        "delete from device where account_id = ?1 and (?2 is null or session_id = ?2) \
         and (?3 is null or session_id <> ?3)",
    )
    .bind(Uuid::from(user))
    .bind(only.map(Uuid::from))
    .bind(except.map(Uuid::from))
    .execute(db)
    .await
    .map_err(port_error)
    .map(drop)
}
