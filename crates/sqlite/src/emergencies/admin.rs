//! The list of all emergencies for administrators.

use allynet_domain::port::{AdminPage, Result};
use futures_util::TryStreamExt;
use uuid::Uuid;

use super::statements;
use crate::{
    Sqlite,
    area::{EVERYWHERE, two_boxes},
    emergency_row::PlaceRow,
    error::port_error,
    rows::hex,
};

impl Sqlite {
    /// The ids of a page, newest first, as hexadecimal digits.
    ///
    /// Walks an index that holds every column of the statement, from the cursor on, and stops when the page is full. The
    /// statement has no limit, because only some of the emergencies in a box lie within the circle, and SQL does not
    /// compute distances.
    pub(super) async fn admin_page(&self, page: &AdminPage) -> Result<Vec<String>> {
        let &AdminPage { status, near, before, limit } = page;
        let limit = usize::try_from(limit).unwrap_or(usize::MAX);
        if limit == 0 {
            return Ok(Vec::new());
        }
        let (at, id) = before.map_or((i64::MAX, Uuid::max()), |(at, id)| (at.timestamp_micros(), id.into()));
        let sql = if status.is_some() { statements::PLACES } else { statements::LIVE_PLACES };
        let mut query = sqlx::query_as::<_, PlaceRow>(sql).bind(at).bind(id);
        for rect in near.map_or(EVERYWHERE, |(centre, radius)| two_boxes(centre, radius)) {
            query = query.bind(rect.south).bind(rect.north).bind(rect.west).bind(rect.east);
        }
        if let Some(status) = status {
            query = query.bind(status.as_str());
        }
        let mut reader = self.readers.acquire().await.map_err(port_error)?;
        let mut rows = query.fetch(&mut *reader);
        let mut ids = Vec::new();
        while let Some(row) = rows.try_next().await.map_err(port_error)? {
            let within = match near {
                None => true,
                Some((centre, radius)) => centre.distance_to(row.candidate(radius)?.position) <= radius,
            };
            if within {
                ids.push(hex(row.id));
            }
            if ids.len() >= limit {
                break;
            }
        }
        Ok(ids)
    }
}
