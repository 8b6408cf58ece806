//! Deleting accounts, inside of the transaction of a change.

use allynet_domain::{
    UserId,
    port::{Constraint, Error, Result},
};
use serde_json::{Map, Value};
use sqlx::SqliteConnection;
use uuid::Uuid;

use super::blocks::keyed_hash;
use crate::{error::port_error, rows::to_json};

/// The email of the account, and whether it is an administrator's, unless its deletion is
/// [stale](allynet_domain::Write::DeleteAccount).
const DELETABLE: &str = "\
    select a.email, a.role = 'admin' from account a where a.id = ?1 and a.blocked = 0 \
    and not exists (select 1 from emergency e where e.owner_id = ?1 and e.status in ('active', 'responding')) \
    and not exists (select 1 from response r join emergency e on e.id = r.emergency_id \
                    where r.helper_id = ?1 and r.status <> 'cancelled' and e.status in ('active', 'responding'))";
const OTHER_ADMINISTRATOR: &str = "\
    select exists (select 1 from account a where a.role = 'admin' and a.blocked = 0 and a.id <> ?1)";
/// The row for what is kept. Blocked, so that it is neither on duty nor logged in. Its email is none.
const STAND_IN: &str = "\
    insert into account (id, email, password_hash, first_name, last_name, role, blocked, created_at, former_email_hash, \
        deleted_at) \
    values (?1, lower(hex(?1)), '', 'Former', 'user', 'user', 1, ?2, ?3, ?2)";
/// The emergencies of which the account `?1` is a part, and those that were just deleted, whose events are still there; as a JSON
/// array of hexadecimal ids.
const RECORDS: &str = "\
    select json_group_array(hex(id)) from ( \
        select id from emergency where owner_id = ?1 union select emergency_id from response where helper_id = ?1 \
        union select id from emergency where ended_by = ?1 union select emergency_id from alert where helper_id = ?1 \
        union select emergency_id from erasure)";
/// What is kept under the id `?2`. What was decided on the emergencies before is stale.
const KEEP: [&str; 16] = [
    "update account set successor_id = null where successor_id = ?1",
    "update emergency set owner_id = ?2, request_id = null, revision = revision + 1 where owner_id = ?1",
    "update emergency set ended_by = ?2, revision = revision + 1 where ended_by = ?1",
    "update emergency set revision = revision + 1 where id in (select r.emergency_id from response r where r.helper_id = ?1)",
    "update response set helper_id = ?2 where helper_id = ?1",
    "update alert set helper_id = ?2 where helper_id = ?1",
    "update message set sender_id = ?2 where sender_id = ?1",
    "update message set recipient_id = ?2 where recipient_id = ?1",
    "update rating set helper_id = ?2 where helper_id = ?1",
    "update report set reporter_id = ?2 where reporter_id = ?1",
    "update report set about_id = ?2 where about_id = ?1",
    "update reputation_gain set owner_id = ?2 where owner_id = ?1",
    "update deleted_emergency set owner_id = ?2, request_id = null where owner_id = ?1",
    // Contacts who were told of an emergency are told of its end, by the name that they know.
    "update contact_consent set account_id = ?2 where account_id = ?1 and confirmed_at is not null and exists ( \
         select 1 from contact_notice n where n.consent_id = contact_consent.id and (n.told <> 'ended' or n.queued is not null))",
    "update contact_review \
     set owner_id = ?2, (owner_first_name, owner_last_name, owner_locale, owner_zone) = ( \
         select a.first_name, a.last_name, a.locale, json_extract(a.alert_preferences, '$.zone') from account a where a.id = ?1) \
     where owner_id = ?1 and exists ( \
         select 1 from contact_notice n join contact_consent k on k.id = n.consent_id \
         where n.emergency_id = contact_review.emergency_id and k.account_id = ?2)",
    // Blocks of others wait for a new account of the email. The second parameter is none.
    "update user_block set blocked_id = null where blocked_id = ?1 and ?2 is not null",
];
/// What goes although no foreign key says so, and the account, with which everything else goes.
const REMOVE: [&str; 4] = [
    "delete from reputation_gain where helper_id = ?1",
    "delete from ring where owner_id = ?1",
    "delete from ring where helper_id = ?1",
    "delete from account where id = ?1",
];
const REMEMBER: &str = "insert into account_erasure (user_id, former_id, deleted_at) values (?1, ?2, ?3)";
/// The numbers that a user gave messages in these emergencies.
const REMOVE_REQUESTS: &str = "\
    delete from message_request \
    where emergency_id in (select unhex(value) from json_each(?2)) and sender_id = ?1";
/// The emergencies with an event that an administrator caused, though no other record of it names them. Reads the whole log: of other
/// users the records are enough.
const ADMINISTERED: &str = "\
    select json_group_array(hex(emergency_id)) from ( \
        select distinct emergency_id from event where actor_id = ?1 and emergency_id is not null)";
/// The first `?5` events after `?4` of these emergencies that name a user: by `?2` as the actor, by `?3` in the body.
const NAMING: &str = "\
    select e.seq, e.body from event e \
    where e.emergency_id in (select unhex(value) from json_each(?1)) \
    and e.seq > ?4 and (e.actor_id = ?2 or instr(e.body, ?3) > 0) order by e.seq limit ?5";
/// Events that are in memory at a time.
const NAMING_PAGE: u32 = 200;
const CHANGE_EVENT: &str = "\
    update event set actor_id = iif(actor_id = ?2, ?3, actor_id), body = ?4 where seq = ?1";
const SUCCEED: &str = "update account set successor_id = ?1 where former_email_hash = ?2";
const DUE: &str = "select user_id, former_id from account_erasure where deleted_at < ?1 order by user_id limit ?2";
const ERASED: &str = "delete from account_erasure where user_id = ?1";

pub(super) async fn delete(db: &mut SqliteConnection, at: i64, user: UserId, former: UserId) -> Result<()> {
    let (user, former) = (Uuid::from(user), Uuid::from(former));
    let found: Option<(String, bool)> =
        sqlx::query_as(DELETABLE).bind(user).fetch_optional(&mut *db).await.map_err(port_error)?;
    let (email, is_administrator) = found.ok_or(Error::Stale)?;
    if is_administrator {
        let query = sqlx::query_scalar(OTHER_ADMINISTRATOR).bind(user);
        let has_other: bool = query.fetch_one(&mut *db).await.map_err(port_error)?;
        if !has_other {
            return Err(Error::Conflict(Constraint::LastAdministrator));
        }
    }
    let hash = keyed_hash(&mut *db, &email).await?;
    sqlx::query(STAND_IN).bind(former).bind(at).bind(hash).execute(&mut *db).await.map_err(port_error)?;
    let records = records(&mut *db, user).await?;
    for keep in KEEP {
        sqlx::query(keep).bind(user).bind(former).execute(&mut *db).await.map_err(port_error)?;
    }
    sqlx::query(REMOVE_REQUESTS).bind(user).bind(&records).execute(&mut *db).await.map_err(port_error)?;
    forget_in_events(&mut *db, &records, user, former).await?;
    if is_administrator {
        let query = sqlx::query_scalar(ADMINISTERED).bind(user);
        let administered: String = query.fetch_one(&mut *db).await.map_err(port_error)?;
        forget_in_events(&mut *db, &administered, user, former).await?;
    }
    sqlx::query(REMEMBER).bind(user).bind(former).bind(at).execute(&mut *db).await.map_err(port_error)?;
    for remove in REMOVE {
        sqlx::query(remove).bind(user).execute(&mut *db).await.map_err(port_error)?;
    }
    Ok(())
}

/// Removes the ids of at most `limit` accounts that were deleted before `before` from the events of their deletion. Returns the
/// number of these accounts.
pub(super) async fn erase(db: &mut SqliteConnection, before: i64, limit: u32) -> Result<u64> {
    let query = sqlx::query_as(DUE).bind(before).bind(limit);
    let due: Vec<(Uuid, Uuid)> = query.fetch_all(&mut *db).await.map_err(port_error)?;
    for &(user, former) in &due {
        let records = records(&mut *db, former).await?;
        forget_in_events(&mut *db, &records, user, former).await?;
        sqlx::query(ERASED).bind(user).execute(&mut *db).await.map_err(port_error)?;
    }
    Ok(due.len() as u64)
}

/// Lets reports about deleted accounts of the email count for this one.
pub(super) async fn succeed(db: &mut SqliteConnection, account: UserId, email: &str) -> Result<()> {
    let hash = keyed_hash(&mut *db, email).await?;
    let done = sqlx::query(SUCCEED).bind(Uuid::from(account)).bind(hash).execute(db).await;
    done.map_err(port_error).map(drop)
}

async fn records(db: &mut SqliteConnection, user: Uuid) -> Result<String> {
    sqlx::query_scalar(RECORDS).bind(user).fetch_one(db).await.map_err(port_error)
}

/// Changes the events of these emergencies that name `user`.
async fn forget_in_events(db: &mut SqliteConnection, emergencies: &str, user: Uuid, former: Uuid) -> Result<()> {
    let [name, kept] = [user, former].map(|id| id.to_string());
    let mut after = 0;
    loop {
        let events: Vec<(i64, String)> = sqlx::query_as(NAMING)
            .bind(emergencies)
            .bind(user)
            .bind(&name)
            .bind(after)
            .bind(NAMING_PAGE)
            .fetch_all(&mut *db)
            .await
            .map_err(port_error)?;
        let Some(&(last, _)) = events.last() else { return Ok(()) };
        after = last;
        for (seq, body) in events {
            let body: Value = serde_json::from_str(&body).map_err(Error::bug)?;
            let changed = sqlx::query(CHANGE_EVENT)
                .bind(seq)
                .bind(user)
                .bind(former)
                .bind(to_json(&without_person(body, &name, &kept))?)
                .execute(&mut *db)
                .await;
            changed.map_err(port_error)?;
        }
    }
}

/// A stored event with `former` in place of `person`. An object with the names of `person` gets those of a former user.
fn without_person(value: Value, person: &str, former: &str) -> Value {
    match value {
        Value::String(text) if text == person => former.into(),
        Value::Array(elements) => elements.into_iter().map(|e| without_person(e, person, former)).collect(),
        Value::Object(fields) => {
            let names = fields.get("id").and_then(Value::as_str) == Some(person) && fields.contains_key("first_name");
            let mut fields: Map<_, _> =
                fields.into_iter().map(|(key, value)| (key, without_person(value, person, former))).collect();
            if names {
                fields.insert("first_name".to_owned(), "Former".into());
                fields.insert("last_name".to_owned(), "user".into());
            }
            Value::Object(fields)
        }
        other => other,
    }
}
