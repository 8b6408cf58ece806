//! Commits changes. A whole change is one statement, which is its own transaction.

use allynet_domain::{
    Change, Timestamp,
    port::{Changes, Error, Result},
};
use async_trait::async_trait;
use serde_json::Value;
use tracing::instrument;

use crate::{
    Postgres,
    account_writes::account_writes,
    caller_cache::{EvictOnDrop, written_users},
    detail_writes::detail_write,
    error::{commit_failed, failed},
    writes,
};

const APPLY: &str = "SELECT apply_change_v3($1)";
/// The same with writes that the function above does not know.
const APPLY_TO_ACCOUNT: &str = "SELECT apply_account_change_v3($1, $2)";
const CHANGE_DETAILS: &str = "SELECT change_details_v2($1, $2)";
const ERASE: &str = "
    WITH due AS (
        DELETE FROM erasure WHERE emergency_id = ANY (ARRAY (
            SELECT emergency_id FROM erasure WHERE deleted_at < $1 LIMIT $2 FOR UPDATE SKIP LOCKED))
        RETURNING emergency_id
    ),
    -- What is left tells clients that come back later that it is over.
    erased AS (DELETE FROM event WHERE emergency_id IN (SELECT emergency_id FROM due)
        AND kind NOT IN ('emergency_ended', 'emergency_hidden', 'emergency_deleted'))
    SELECT count(*) FROM due";
/// The ids of at most `$2` accounts that were deleted before `$1`, in what was stored at the deletion or since.
const ERASE_ACCOUNTS: &str = "SELECT erase_accounts_v2($1, $2)";
/// A write, because a server with a full disk, and one that is read-only, still answer reads.
const PROBE: &str = "UPDATE write_probe SET writes = writes + 1";
/// Records of deleted emergencies from before `$1`, and of reputation from before `$2`, at most `$3` of each.
const FORGET_DELETED: &str = "
    WITH gains AS (
        DELETE FROM reputation_gain WHERE ctid = ANY (ARRAY (
            SELECT ctid FROM reputation_gain WHERE gained_at < $2 ORDER BY gained_at LIMIT $3))
        RETURNING 1
    ),
    records AS (
        DELETE FROM deleted_emergency WHERE id = ANY (ARRAY (
            SELECT id FROM deleted_emergency WHERE deleted_at < $1 ORDER BY deleted_at LIMIT $3))
        RETURNING id
    )
    SELECT greatest((SELECT count(*) FROM records), (SELECT count(*) FROM gains))";

statements!(APPLY, APPLY_TO_ACCOUNT, CHANGE_DETAILS, ERASE, ERASE_ACCOUNTS, FORGET_DELETED, PROBE);

#[async_trait]
impl Changes for Postgres {
    #[instrument(name = "pg.changes.commit", level = "debug", skip_all, fields(writes = change.writes.len(), events = change.events.len()))]
    async fn commit(&self, change: Change) -> Result<()> {
        let (has_events, has_messages) = (!change.events.is_empty(), !change.sends.is_empty());
        // However this ends, failed and cancelled included: the change may have been committed all the same.
        let _evict = EvictOnDrop::new(self.callers(), written_users(&change));
        let (account_writes, details) = (account_writes(&change), detail_write(&change));
        let change = writes::change(&change).map_err(Error::bug)?;
        let query = match (account_writes.is_empty(), details) {
            (true, None) => sqlx::query(APPLY).bind(change),
            (true, Some(details)) => sqlx::query(CHANGE_DETAILS).bind(change).bind(details),
            (false, None) => sqlx::query(APPLY_TO_ACCOUNT).bind(change).bind(Value::Array(account_writes)),
            // No use case writes both.
            (false, Some(_)) => return Err(Error::bug("a change of an account with details of an emergency")),
        };
        let applied = query.execute(self.main()).await;
        applied.map_err(commit_failed)?;
        if has_events {
            self.notifications().committed();
        }
        if has_messages {
            self.message_stored().notify_one();
        }
        Ok(())
    }

    #[instrument(name = "pg.changes.erase_deleted", level = "debug", skip_all)]
    async fn erase_deleted(&self, before: Timestamp, limit: u32) -> Result<u64> {
        let query = sqlx::query_scalar(ERASE).bind(before).bind(i64::from(limit));
        let emergencies: i64 = query.fetch_one(self.main()).await.map_err(failed)?;
        let query = sqlx::query_scalar(ERASE_ACCOUNTS).bind(before).bind(i32::try_from(limit).unwrap_or(i32::MAX));
        let accounts: i64 = query.fetch_one(self.main()).await.map_err(failed)?;
        Ok(emergencies.max(accounts).unsigned_abs())
    }

    #[instrument(name = "pg.changes.forget_deleted", level = "debug", skip_all)]
    async fn forget_deleted(&self, before: Timestamp, gained_before: Timestamp, limit: u32) -> Result<u64> {
        let query = sqlx::query_scalar(FORGET_DELETED).bind(before).bind(gained_before).bind(i64::from(limit));
        let forgotten: i64 = query.fetch_one(self.main()).await.map_err(failed)?;
        Ok(forgotten.unsigned_abs())
    }

    #[instrument(name = "pg.changes.ready", level = "debug", skip_all)]
    async fn ready(&self) -> Result<()> {
        sqlx::query(PROBE).execute(self.main()).await.map_err(failed).map(drop)
    }
}
