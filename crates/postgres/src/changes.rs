//! Commits changes. A whole change is one statement, which is its own transaction.

use allynet_domain::{
    Change, Timestamp,
    port::{Changes, Error, Result},
};
use async_trait::async_trait;
use tracing::instrument;

use crate::{
    Postgres,
    caller_cache::{EvictOnDrop, written_users},
    error::{commit_failed, failed},
    store::IS_READ_ONLY,
    writes,
};

const APPLY: &str = "SELECT apply_change_v2($1)";
const ERASE: &str = "
    WITH due AS (DELETE FROM erasure WHERE deleted_at < $1 RETURNING emergency_id),
    erased AS (DELETE FROM event WHERE emergency_id IN (SELECT emergency_id FROM due))
    SELECT count(*) FROM due";

statements!(APPLY, ERASE);

#[async_trait]
impl Changes for Postgres {
    #[instrument(name = "pg.changes.commit", level = "debug", skip_all, fields(writes = change.writes.len(), events = change.events.len()))]
    async fn commit(&self, change: Change) -> Result<()> {
        let has_events = !change.events.is_empty();
        // However this ends, failed and cancelled included: the change may have been committed all the same.
        let _evict = EvictOnDrop::new(self.callers(), written_users(&change));
        let change = writes::change(&change).map_err(Error::bug)?;
        sqlx::query(APPLY).bind(change).execute(self.main()).await.map_err(commit_failed)?;
        if has_events {
            self.notifications().committed();
        }
        Ok(())
    }

    #[instrument(name = "pg.changes.erase_deleted", level = "debug", skip_all)]
    async fn erase_deleted(&self, before: Timestamp) -> Result<u64> {
        let erased: i64 = sqlx::query_scalar(ERASE).bind(before).fetch_one(self.main()).await.map_err(failed)?;
        Ok(erased.unsigned_abs())
    }

    #[instrument(name = "pg.changes.ready", level = "debug", skip_all)]
    async fn ready(&self) -> Result<()> {
        let is_read_only: bool = sqlx::query_scalar(IS_READ_ONLY).fetch_one(self.main()).await.map_err(failed)?;
        if is_read_only { Err(Error::unavailable("the database refuses writes")) } else { Ok(()) }
    }
}
