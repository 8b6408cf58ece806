//! The numbers of events that were lost when the database was restored.

use allynet_domain::{EventId, LostEvents, port::Result};
use sqlx::Connection as _;

use crate::{Sqlite, error::port_error};

impl Sqlite {
    /// The ranges of numbers that were skipped so far.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn lost_events(&self) -> Result<Vec<LostEvents>> {
        let ranges = sqlx::query_as("select after_seq, through_seq from lost_events").fetch_all(&self.readers).await;
        let ranges: Vec<(i64, i64)> = ranges.map_err(port_error)?;
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
        let mut writer = self.writer.acquire().await.map_err(port_error)?;
        let mut transaction = writer.begin_with("BEGIN IMMEDIATE").await.map_err(port_error)?;
        // Absent before the first event.
        let newest: Option<i64> = sqlx::query_scalar("select seq from sqlite_sequence where name = 'event'")
            .fetch_optional(&mut *transaction)
            .await
            .map_err(port_error)?;
        let Some(range) = decide(EventId::new(newest.unwrap_or(0))) else { return Ok(None) };
        sqlx::query("insert into lost_events (after_seq, through_seq) values (?1, ?2)")
            .bind(range.after.get())
            .bind(range.through.get())
            .execute(&mut *transaction)
            .await
            .map_err(port_error)?;
        let restart = match newest {
            Some(_) => "update sqlite_sequence set seq = ?1 where name = 'event'",
            None => "insert into sqlite_sequence (name, seq) values ('event', ?1)",
        };
        sqlx::query(restart).bind(range.through.get()).execute(&mut *transaction).await.map_err(port_error)?;
        transaction.commit().await.map_err(port_error)?;
        Ok(Some(range))
    }
}
