//! The query for a user's access to an emergency, shared by the ports that read something of an emergency.

use allynet_domain::{EmergencyAccess, EmergencyId, Revision, UserId, port::Result};
use allynet_sql::RowDecoder;
use uuid::Uuid;

use crate::{Sqlite, error::port_error};

/// The access of user `?2` to emergency `?1`.
pub(crate) const ACCESS: &str = "\
    select e.owner_id, e.status, e.revision, \
           exists (select 1 from response r \
                   where r.emergency_id = e.id and r.helper_id = ?2 and r.status <> 'cancelled') as responds, \
           (exists (select 1 from user_block b where b.owner_id = e.owner_id and b.blocked_id = ?2) \
            or not e.anonymous \
               and exists (select 1 from user_block b where b.owner_id = ?2 and b.blocked_id = e.owner_id)) as hidden \
    from emergency e where e.id = ?1";

#[derive(sqlx::FromRow)]
struct AccessRow {
    owner_id: Uuid,
    responds: bool,
    hidden: bool,
    status: String,
    revision: i64,
}

impl Sqlite {
    /// The access of `reader` to an emergency, or `None` if there is no such emergency.
    pub(crate) async fn access_of(&self, id: EmergencyId, reader: UserId) -> Result<Option<EmergencyAccess>> {
        let row: Option<AccessRow> = sqlx::query_as(ACCESS)
            .bind(Uuid::from(id))
            .bind(Uuid::from(reader))
            .fetch_optional(&self.readers)
            .await
            .map_err(port_error)?;
        let Some(AccessRow { owner_id, responds, hidden, status, revision }) = row else { return Ok(None) };
        let stored = RowDecoder { table: "emergency", id };
        let (owns, status) = (UserId::from(owner_id) == reader, stored.parse("status", &status)?);
        Ok(Some(EmergencyAccess { owns, responds, hidden, status, revision: Revision(revision) }))
    }
}
