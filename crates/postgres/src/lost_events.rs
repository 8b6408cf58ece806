//! The numbers of events that were lost when the database was restored, and the id of the database.

use allynet_domain::{EventId, LostEvents, port::Result};
use sqlx::AssertSqlSafe;
use uuid::Uuid;

use crate::{Postgres, error::failed};

const LIST: &str = "SELECT after_seq, through_seq FROM lost_events";
const NOTE: &str = "INSERT INTO lost_events (after_seq, through_seq) VALUES ($1, $2)";
/// The last number that was given. `max(seq)` would be lower if that event was deleted since.
const NEWEST: &str = "SELECT CASE WHEN is_called THEN last_value ELSE 0 END FROM event_seq_seq";
/// No event gets a number until the end of the transaction.
const KEEP_OUT_WRITERS: &str = "LOCK TABLE event IN EXCLUSIVE MODE";
/// Makes the id if there is none. Of several nodes that start at once, the second waits for the first and finds its id.
const ENSURE_ID: &str = "
    INSERT INTO database_id (the_only, id) VALUES (1, gen_random_uuid()) ON CONFLICT DO NOTHING";
const ID: &str = "SELECT id FROM database_id";

statements!(LIST, NOTE, ENSURE_ID, ID);

impl Postgres {
    /// The id of this database, which backups of it share. The first call makes it.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn database_id(&self) -> Result<Uuid> {
        sqlx::query(ENSURE_ID).execute(self.main()).await.map_err(failed)?;
        sqlx::query_scalar(ID).fetch_one(self.main()).await.map_err(failed)
    }

    /// The ranges of numbers that were skipped so far.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn lost_events(&self) -> Result<Vec<LostEvents>> {
        let ranges: Vec<(i64, i64)> = sqlx::query_as(LIST).fetch_all(self.main()).await.map_err(failed)?;
        let range = |(after, through)| LostEvents { after: EventId::new(after), through: EventId::new(through) };
        Ok(ranges.into_iter().map(range).collect())
    }

    /// Lets `decide` choose, by the newest number that was given, a range of numbers to skip: the next event gets the number
    /// after it. No event gets a number meanwhile. Returns the range.
    ///
    /// # Errors
    /// Those of the database; then nothing has changed.
    pub async fn skip_numbers(
        &self,
        decide: impl FnOnce(EventId) -> Option<LostEvents> + Send,
    ) -> Result<Option<LostEvents>> {
        let mut transaction = self.maintenance().begin().await.map_err(failed)?;
        sqlx::query(KEEP_OUT_WRITERS).execute(&mut *transaction).await.map_err(failed)?;
        let newest: i64 = sqlx::query_scalar(NEWEST).fetch_one(&mut *transaction).await.map_err(failed)?;
        let Some(range) = decide(EventId::new(newest)) else { return Ok(None) };
        let note = sqlx::query(NOTE).bind(range.after.get()).bind(range.through.get());
        note.execute(&mut *transaction).await.map_err(failed)?;
        // Unlike `setval`, this is part of the transaction. It takes no parameters.
        let restart = format!("ALTER SEQUENCE event_seq_seq RESTART WITH {}", range.through.get().saturating_add(1));
        sqlx::query(AssertSqlSafe(restart)).execute(&mut *transaction).await.map_err(failed)?;
        transaction.commit().await.map_err(failed)?;
        Ok(Some(range))
    }
}
