//! Writes to blocks between users, inside of the transaction of a change.

use allynet_domain::{
    BlockTarget, Email, EmergencyId, MAX_BLOCKS, MAX_BLOCKS_IN_EFFECT, Timestamp, UserBlock, UserId,
    port::{Constraint, EndedBlocks, Error, Result},
};
use ring::hmac;
use sqlx::SqliteConnection;
use uuid::Uuid;

use crate::{
    blocks::{account_of, columns, listed, live_emergencies},
    error::port_error,
    rows::{hex, to_json},
};

pub(super) async fn add(
    db: &mut SqliteConnection,
    by: UserId,
    block: &UserBlock,
    user: Option<UserId>,
    earliest_end: Timestamp,
    emergencies: &[EmergencyId],
) -> Result<()> {
    let UserBlock { id, target, created_at } = block;
    if account_of(&mut *db, target).await? != user {
        return Err(Error::Stale);
    }
    if let Some(user) = user
        && live_emergencies(&mut *db, by, user).await? != emergencies
    {
        return Err(Error::Stale);
    }
    if listed(&mut *db, by, target).await?.is_some() {
        return Ok(());
    }
    let (user_id, email) = columns(target);
    let (user_id, email) = (user_id.map(Uuid::from), email.map(Email::as_str));
    // One that was removed from the list and still has effect.
    sqlx::query("delete from user_block where owner_id = ?1 and (user_id = ?2 or email = ?3)")
        .bind(Uuid::from(by))
        .bind(user_id)
        .bind(email)
        .execute(&mut *db)
        .await
        .map_err(port_error)?;
    let (listed, in_effect): (u32, u32) =
        sqlx::query_as("select count(*) filter (where ends_at is null), count(*) from user_block where owner_id = ?1")
            .bind(Uuid::from(by))
            .fetch_one(&mut *db)
            .await
            .map_err(port_error)?;
    if listed >= MAX_BLOCKS || in_effect >= MAX_BLOCKS_IN_EFFECT {
        return Err(Error::Conflict(Constraint::Blocks));
    }
    let hash = match target {
        BlockTarget::Email(email) => Some(email_hash(&mut *db, email).await?),
        BlockTarget::User(user) => hash_of_account(&mut *db, *user).await?,
    };
    sqlx::query(
        "insert into user_block (id, owner_id, user_id, email, email_hash, blocked_id, created_at, earliest_end) \
         values (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
    )
    .bind(Uuid::from(*id))
    .bind(Uuid::from(by))
    .bind(user_id)
    .bind(email)
    .bind(hash)
    .bind(user.map(Uuid::from))
    .bind(created_at.timestamp_micros())
    .bind(earliest_end.timestamp_micros())
    .execute(db)
    .await
    .map_err(port_error)
    .map(drop)
}

pub(super) async fn remove(db: &mut SqliteConnection, at: i64, by: UserId, key: Uuid) -> Result<()> {
    sqlx::query(
        "update user_block set ends_at = max(?3, earliest_end) \
         where owner_id = ?1 and ends_at is null and (id = ?2 or user_id = ?2)",
    )
    .bind(Uuid::from(by))
    .bind(key)
    .bind(at)
    .execute(db)
    .await
    .map_err(port_error)
    .map(drop)
}

pub(super) async fn end(db: &mut SqliteConnection, at: i64, ended: &EndedBlocks) -> Result<()> {
    let EndedBlocks { by, user, blocks } = ended;
    let ids: Vec<String> = blocks.iter().copied().map(hex).collect();
    let deleted =
        sqlx::query("delete from user_block where id in (select unhex(value) from json_each(?1)) and ends_at <= ?2")
            .bind(to_json(&ids)?)
            .bind(at)
            .execute(&mut *db)
            .await
            .map_err(port_error)?;
    let other: Option<i64> = sqlx::query_scalar("select 1 from user_block where owner_id = ?1 and blocked_id = ?2")
        .bind(Uuid::from(*by))
        .bind(user.map(Uuid::from))
        .fetch_optional(db)
        .await
        .map_err(port_error)?;
    let all = usize::try_from(deleted.rows_affected()).is_ok_and(|deleted| deleted == blocks.len());
    if all && other.is_none() { Ok(()) } else { Err(Error::Stale) }
}

/// Applies the blocks that wait for this email to a new account.
pub(super) async fn apply_to(db: &mut SqliteConnection, account: UserId, email: &Email) -> Result<()> {
    let hash = email_hash(&mut *db, email).await?;
    sqlx::query("update user_block set blocked_id = ?1 where email_hash = ?2")
        .bind(Uuid::from(account))
        .bind(hash)
        .execute(db)
        .await
        .map_err(port_error)
        .map(drop)
}

async fn hash_of_account(db: &mut SqliteConnection, user: UserId) -> Result<Option<Vec<u8>>> {
    let email: Option<String> = sqlx::query_scalar("select email from account where id = ?1")
        .bind(Uuid::from(user))
        .fetch_optional(&mut *db)
        .await
        .map_err(port_error)?;
    match email {
        Some(email) => keyed_hash(db, &email).await.map(Some),
        None => Ok(None),
    }
}

async fn email_hash(db: &mut SqliteConnection, email: &Email) -> Result<Vec<u8>> {
    keyed_hash(db, email.as_str()).await
}

/// The hash of an email under which a block outlives an account and waits for one.
pub(super) async fn keyed_hash(db: &mut SqliteConnection, email: &str) -> Result<Vec<u8>> {
    let key: Vec<u8> = sqlx::query_scalar("select key from block_key").fetch_one(db).await.map_err(port_error)?;
    Ok(hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, &key), email.as_bytes()).as_ref().to_vec())
}
