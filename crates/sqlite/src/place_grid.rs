//! The key of the grid of approximate places.

use allynet_domain::{Grid, port::Result};
use uuid::Uuid;

use crate::{Sqlite, error::port_error};

impl Sqlite {
    /// The grid of this database. The migrations made its key, and it never changes.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn place_grid(&self) -> Result<Grid> {
        // Any 16 octets read as a UUID.
        let key: Uuid =
            sqlx::query_scalar("select key from place_grid").fetch_one(&self.readers).await.map_err(port_error)?;
        Ok(Grid::with_key(key.into_bytes()))
    }
}
