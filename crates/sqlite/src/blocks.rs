//! Blocks between users: the port [`Blocks`], and what the commit of a block reads.

use allynet_domain::{
    BlockTarget, Email, EmergencyId, Timestamp, UserBlock, UserId,
    port::{BlockContext, Blocks, EndedBlocks, Result},
};
use allynet_sql::RowDecoder;
use async_trait::async_trait;
use sqlx::SqliteExecutor;
use tracing::instrument;
use uuid::Uuid;

use crate::{Sqlite, error::port_error};

/// The list of user `?1`: no row for an unknown user, one of nulls for an empty list.
pub(crate) const LIST: &str = "\
    select b.id, b.user_id, b.email, b.created_at \
    from account a left join user_block b on b.owner_id = a.id and b.ends_at is null \
    where a.id = ?1 order by b.created_at, b.id";

/// The block of the user with id `?2` or email `?3` in the list of user `?1`.
pub(crate) const LISTED: &str = "\
    select b.id, b.user_id, b.email, b.created_at from user_block b \
    where b.owner_id = ?1 and (b.user_id = ?2 or b.email = ?3) and b.ends_at is null";

/// The account with id `?1` or email `?2`.
pub(crate) const TARGET: &str = "select id from account where id = ?1 or email = ?2";

/// The live emergencies that user `?1` or `?2` owns, or to which either has a response that is not cancelled.
///
/// `cross join` makes the responses of the two the outer loop; SQLite might go through all live emergencies instead.
pub(crate) const LIVE_EMERGENCIES: &str = "\
    select e.id from emergency e where e.owner_id in (?1, ?2) and e.status in ('active', 'responding') \
    union \
    select e.id from response r cross join emergency e on e.id = r.emergency_id \
    where r.helper_id in (?1, ?2) and r.status <> 'cancelled' and e.status in ('active', 'responding') \
    order by 1";

/// The blocks that are over at `?1`, at most `?2`, unless another one of the same user applies to the same account.
pub(crate) const ENDED: &str = "\
    select d.id, d.owner_id, d.blocked_id from ( \
        select id, owner_id, blocked_id from user_block where ends_at <= ?1 order by ends_at limit ?2) d \
    where not exists (select 1 from user_block b where b.owner_id = d.owner_id and b.blocked_id = d.blocked_id \
                      and (b.ends_at is null or b.ends_at > ?1)) \
    order by d.owner_id, d.blocked_id";

/// A block, or nulls.
#[derive(sqlx::FromRow)]
struct BlockRow {
    id: Option<Uuid>,
    user_id: Option<Uuid>,
    email: Option<String>,
    created_at: Option<i64>,
}

impl BlockRow {
    fn block(self) -> Result<Option<UserBlock>> {
        let Self { id, user_id, email, created_at } = self;
        let (Some(id), Some(created_at)) = (id, created_at) else { return Ok(None) };
        let stored = RowDecoder { table: "user_block", id };
        let target = match (user_id, email) {
            (Some(user), None) => BlockTarget::User(user.into()),
            (None, Some(email)) => BlockTarget::Email(stored.parse("email", &email)?),
            (None, None) | (Some(_), Some(_)) => return Err(stored.corrupt("user_id")),
        };
        Ok(Some(UserBlock { id: id.into(), target, created_at: stored.micros("created_at", created_at)? }))
    }
}

#[derive(sqlx::FromRow)]
struct EndedRow {
    id: Uuid,
    owner_id: Uuid,
    blocked_id: Option<Uuid>,
}

/// The columns `user_id` and `email` of a target.
pub(crate) fn columns(target: &BlockTarget) -> (Option<UserId>, Option<&Email>) {
    match target {
        BlockTarget::User(user) => (Some(*user), None),
        BlockTarget::Email(email) => (None, Some(email)),
    }
}

/// The account that a target applies to.
pub(crate) async fn account_of(db: impl SqliteExecutor<'_>, target: &BlockTarget) -> Result<Option<UserId>> {
    let (user, email) = columns(target);
    let found: Option<Uuid> = sqlx::query_scalar(TARGET)
        .bind(user.map(Uuid::from))
        .bind(email.map(Email::as_str).map(ToOwned::to_owned))
        .fetch_optional(db)
        .await
        .map_err(port_error)?;
    Ok(found.map(Into::into))
}

/// The live emergencies in which either of two users takes part, in the order of their ids.
pub(crate) async fn live_emergencies(
    db: impl SqliteExecutor<'_>,
    one: UserId,
    other: UserId,
) -> Result<Vec<EmergencyId>> {
    let found: Vec<Uuid> = sqlx::query_scalar(LIVE_EMERGENCIES)
        .bind(Uuid::from(one))
        .bind(Uuid::from(other))
        .fetch_all(db)
        .await
        .map_err(port_error)?;
    Ok(found.into_iter().map(Into::into).collect())
}

/// The block with this target in the list of a user.
pub(crate) async fn listed(db: impl SqliteExecutor<'_>, by: UserId, target: &BlockTarget) -> Result<Option<UserBlock>> {
    let (user, email) = columns(target);
    let row: Option<BlockRow> = sqlx::query_as(LISTED)
        .bind(Uuid::from(by))
        .bind(user.map(Uuid::from))
        .bind(email.map(Email::as_str).map(ToOwned::to_owned))
        .fetch_optional(db)
        .await
        .map_err(port_error)?;
    row.map(BlockRow::block).transpose().map(Option::flatten)
}

#[async_trait]
impl Blocks for Sqlite {
    #[instrument(name = "sqlite.blocks.list", level = "debug", skip_all, fields(user = %by))]
    async fn list(&self, by: UserId) -> Result<Option<Vec<UserBlock>>> {
        let rows: Vec<BlockRow> =
            sqlx::query_as(LIST).bind(Uuid::from(by)).fetch_all(&self.readers).await.map_err(port_error)?;
        if rows.is_empty() {
            return Ok(None);
        }
        rows.into_iter().filter_map(|row| row.block().transpose()).collect::<Result<_>>().map(Some)
    }

    #[instrument(name = "sqlite.blocks.context", level = "debug", skip_all, fields(user = %by))]
    async fn context(&self, by: UserId, target: &BlockTarget) -> Result<BlockContext> {
        let listed = listed(&self.readers, by, target).await?;
        let user = account_of(&self.readers, target).await?;
        let emergencies = match user {
            Some(user) => live_emergencies(&self.readers, by, user).await?,
            None => Vec::new(),
        };
        Ok(BlockContext { listed, user, emergencies })
    }

    #[instrument(name = "sqlite.blocks.ended", level = "debug", skip_all)]
    async fn ended(&self, now: Timestamp, limit: u32) -> Result<Vec<EndedBlocks>> {
        let rows: Vec<EndedRow> = sqlx::query_as(ENDED)
            .bind(now.timestamp_micros())
            .bind(limit)
            .fetch_all(&self.readers)
            .await
            .map_err(port_error)?;
        let mut ended: Vec<EndedBlocks> = Vec::new();
        for EndedRow { id, owner_id, blocked_id } in rows {
            let (by, user) = (UserId::from(owner_id), blocked_id.map(UserId::from));
            match ended.last_mut() {
                Some(last) if last.by == by && last.user == user => last.blocks.push(id.into()),
                _ => ended.push(EndedBlocks { by, user, blocks: vec![id.into()] }),
            }
        }
        Ok(ended)
    }
}
