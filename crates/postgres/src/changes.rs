//! Commits changes: a whole one is one statement, which is its own transaction.

use allynet_domain::{
    Change,
    port::{Changes, Error, Result},
};
use async_trait::async_trait;
use tracing::instrument;

use crate::{Postgres, error::refused, writes};

const APPLY: &str = "SELECT apply_change($1)";
const READY: &str = "SELECT 1";

#[async_trait]
impl Changes for Postgres {
    #[instrument(name = "pg.changes.commit", level = "debug", skip_all, fields(writes = change.writes.len(), events = change.events.len()))]
    async fn commit(&self, change: Change) -> Result<()> {
        let has_events = !change.events.is_empty();
        let change = writes::change(&change).map_err(Error::unavailable)?;
        sqlx::query(APPLY).bind(change).execute(self.main()).await.map_err(refused)?;
        if has_events {
            self.wake().committed();
        }
        Ok(())
    }

    #[instrument(name = "pg.changes.ready", level = "debug", skip_all)]
    async fn ready(&self) -> Result<()> {
        sqlx::query(READY).execute(self.main()).await.map_err(Error::unavailable)?;
        Ok(())
    }
}
