//! The high-water mark of a database in Redis: the highest number of an event that was ever given.

use std::time::Duration;

use allynet_domain::EventId;
use fred::{
    clients::Client,
    error::Error,
    interfaces::ClientLike as _,
    types::{ClusterHash, CustomCommand},
};
use tokio::time::timeout;
use uuid::Uuid;

use crate::Redis;

/// How long a read waits for the first connection.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(1);

impl Redis {
    /// The highest number that was kept for this database, or `None` if there is none.
    ///
    /// # Errors
    /// Returns an error if Redis does not answer within some seconds.
    pub async fn high_water(&self, database: Uuid) -> Result<Option<EventId>, Error> {
        let client = self.client();
        // A client that never connected fails its commands only after the time that an answer has.
        let _ = timeout(CONNECT_TIMEOUT, client.wait_for_connect()).await;
        let kept: Option<f64> = send(client, "ZSCORE", vec![self.high_water_key(), database.to_string()]).await?;
        // Exact up to 2^53, which the numbers do not reach.
        #[expect(clippy::cast_possible_truncation, reason = "a whole number")]
        Ok(kept.map(|number| EventId::new(number as i64)))
    }

    /// Keeps a number for this database unless a higher one is kept, which another node may have done.
    ///
    /// # Errors
    /// Returns an error if Redis does not answer.
    pub async fn raise_high_water(&self, database: Uuid, newest: EventId) -> Result<(), Error> {
        let arguments = vec![self.high_water_key(), "GT".to_owned(), newest.to_string(), database.to_string()];
        send(self.client(), "ZADD", arguments).await
    }
}

async fn send<R: fred::types::FromValue>(
    client: &Client,
    name: &'static str,
    arguments: Vec<String>,
) -> Result<R, Error> {
    client.custom(CustomCommand::new_static(name, ClusterHash::FirstKey, false), arguments).await
}
