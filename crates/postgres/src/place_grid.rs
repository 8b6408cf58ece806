//! The key of the grid of approximate places.

use allynet_domain::{Grid, port::Result};
use uuid::Uuid;

use crate::{Postgres, error::failed};

const KEY: &str = "SELECT key FROM place_grid";

statements!(KEY);

impl Postgres {
    /// The grid of this database. The migrations made its key, and it never changes.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn place_grid(&self) -> Result<Grid> {
        let key: Uuid = sqlx::query_scalar(KEY).fetch_one(self.main()).await.map_err(failed)?;
        Ok(Grid::with_key(key.into_bytes()))
    }
}
