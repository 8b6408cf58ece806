//! Blocks between users. They are written by `apply_change_v3`.

use allynet_domain::{
    BlockTarget, Email, Timestamp, UserBlock, UserId,
    port::{BlockContext, Blocks, EndedBlocks, Result},
};
use allynet_sql::RowDecoder;
use async_trait::async_trait;
use sqlx::FromRow;
use tracing::instrument;
use uuid::Uuid;

use crate::{Postgres, error::failed};

/// The list of the user `$1`: no row for an unknown user, one of nulls for an empty list.
const LIST: &str = "
    SELECT b.id, b.user_id, b.email, b.created_at
    FROM account a LEFT JOIN user_block b ON b.owner_id = a.id AND b.ends_at IS NULL
    WHERE a.id = $1
    ORDER BY b.created_at, b.id";

/// One row: the account with the id `$2` or the email `$3`, the block of it in the list of the user `$1`, and the live
/// emergencies of both.
const CONTEXT: &str = "
    WITH target AS MATERIALIZED (SELECT (SELECT id FROM account WHERE id = $2 OR email = $3) AS id)
    SELECT b.id, b.user_id, b.email, b.created_at, t.id AS blocked_id,
        CASE WHEN t.id IS NULL THEN '{}' ELSE live_emergencies_of_v1(ARRAY[$1, t.id]) END AS emergencies
    FROM target t
    LEFT JOIN user_block b ON b.owner_id = $1 AND (b.user_id = $2 OR b.email = $3) AND b.ends_at IS NULL";

/// Pairs of users whose blocks are all over at `$1`, from at most `$2` blocks. `due` walks the index of ends.
const ENDED: &str = "
    WITH due AS (
        SELECT id, owner_id, blocked_id FROM user_block WHERE ends_at <= $1 ORDER BY ends_at LIMIT $2
    )
    SELECT d.owner_id, d.blocked_id, array_agg(d.id) AS blocks
    FROM due d
    WHERE NOT EXISTS (SELECT FROM user_block b
                      WHERE b.owner_id = d.owner_id AND b.blocked_id = d.blocked_id
                          AND (b.ends_at IS NULL OR b.ends_at > $1))
    GROUP BY d.owner_id, d.blocked_id";

statements!(LIST, CONTEXT, ENDED);

/// A block, or nulls.
#[derive(FromRow)]
struct BlockRow {
    id: Option<Uuid>,
    user_id: Option<Uuid>,
    email: Option<String>,
    created_at: Option<Timestamp>,
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
        Ok(Some(UserBlock { id: id.into(), target, created_at }))
    }
}

#[derive(FromRow)]
struct ContextRow {
    #[sqlx(flatten)]
    listed: BlockRow,
    blocked_id: Option<Uuid>,
    emergencies: Vec<Uuid>,
}

#[derive(FromRow)]
struct EndedRow {
    owner_id: Uuid,
    blocked_id: Option<Uuid>,
    blocks: Vec<Uuid>,
}

/// The columns `user_id` and `email` of a target.
pub(crate) fn columns(target: &BlockTarget) -> (Option<UserId>, Option<&Email>) {
    match target {
        BlockTarget::User(user) => (Some(*user), None),
        BlockTarget::Email(email) => (None, Some(email)),
    }
}

#[async_trait]
impl Blocks for Postgres {
    #[instrument(name = "pg.blocks.list", level = "debug", skip_all, fields(user = %by))]
    async fn list(&self, by: UserId) -> Result<Option<Vec<UserBlock>>> {
        let rows: Vec<BlockRow> =
            sqlx::query_as(LIST).bind(Uuid::from(by)).fetch_all(self.main()).await.map_err(failed)?;
        if rows.is_empty() {
            return Ok(None);
        }
        rows.into_iter().filter_map(|row| row.block().transpose()).collect::<Result<_>>().map(Some)
    }

    #[instrument(name = "pg.blocks.context", level = "debug", skip_all, fields(user = %by))]
    async fn context(&self, by: UserId, target: &BlockTarget) -> Result<BlockContext> {
        let (user, email) = columns(target);
        let ContextRow { listed, blocked_id, emergencies } = sqlx::query_as(CONTEXT)
            .bind(Uuid::from(by))
            .bind(user.map(Uuid::from))
            .bind(email.map(Email::as_str))
            .fetch_one(self.main())
            .await
            .map_err(failed)?;
        Ok(BlockContext {
            listed: listed.block()?,
            user: blocked_id.map(Into::into),
            emergencies: emergencies.into_iter().map(Into::into).collect(),
        })
    }

    #[instrument(name = "pg.blocks.ended", level = "debug", skip_all)]
    async fn ended(&self, now: Timestamp, limit: u32) -> Result<Vec<EndedBlocks>> {
        let rows: Vec<EndedRow> =
            sqlx::query_as(ENDED).bind(now).bind(i64::from(limit)).fetch_all(self.main()).await.map_err(failed)?;
        let ended = |EndedRow { owner_id, blocked_id, blocks }| EndedBlocks {
            by: owner_id.into(),
            user: blocked_id.map(Into::into),
            blocks: blocks.into_iter().map(Into::into).collect(),
        };
        Ok(rows.into_iter().map(ended).collect())
    }
}
