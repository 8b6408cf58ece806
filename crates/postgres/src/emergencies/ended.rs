//! Queries for emergencies after their end: ratings, undoing the end, and records of deleted ones.

use allynet_domain::{
    DeletedEmergency, EmergencyId, HelperPolicy, Timestamp, UserId,
    port::{DeletedPage, Result, ToBeRated},
};
use allynet_sql::RowDecoder;
use sqlx::FromRow;
use uuid::Uuid;

use crate::{Postgres, emergency_row::EmergencyRow, error::failed};

/// The emergency `$1`, and the helpers that its owner has rated after `$2` so that it counted.
const FIND_FOR_RATING: &str = "
    SELECT v.*, (
            SELECT coalesce(array_agg(r.helper_id), '{}') FROM response r
            WHERE r.emergency_id = v.id
                AND EXISTS (SELECT FROM reputation_gain g
                            WHERE g.helper_id = r.helper_id AND g.owner_id = v.owner_id AND g.kind = 'rating'
                                AND g.gained_at > $2)
        ) AS rated_since
    FROM emergency_with_parts_v3 v WHERE v.id = $1";

/// The helpers of the emergency `$1` whose responses are not cancelled, that may help (under the open policy if `$2`), are
/// not separated from its owner by a block and, unless they have completed, are not engaged in another emergency.
///
/// Each condition on another table is a subquery of its own, so that it is looked up in an index for each response; a join
/// might read the table from end to end.
const AVAILABLE_AGAIN: &str = "
    SELECT r.helper_id FROM response r JOIN emergency e ON e.id = r.emergency_id JOIN account a ON a.id = r.helper_id
    WHERE r.emergency_id = $1 AND r.status <> 'cancelled'
        AND NOT a.blocked AND (a.verification = 'verified' OR $2 AND a.verification IS DISTINCT FROM 'rejected')
        AND (r.status = 'completed'
            OR (SELECT o.emergency_id FROM response o
                WHERE o.helper_id = r.helper_id AND o.engaged AND o.emergency_id <> r.emergency_id) IS NULL)
        AND (SELECT b.id FROM user_block b WHERE b.owner_id = e.owner_id AND b.blocked_id = r.helper_id LIMIT 1) IS NULL
        AND (e.anonymous OR (SELECT b.id FROM user_block b
                             WHERE b.owner_id = r.helper_id AND b.blocked_id = e.owner_id LIMIT 1) IS NULL)";

/// The `$3` newest records of deleted emergencies before the cursor (`$1`, `$2`).
const DELETED: &str = "
    SELECT d.id, d.owner_id, o.first_name, o.last_name, d.request_id, d.kind, d.status, d.latitude, d.longitude,
        d.created_at, d.ended_at, d.deleted_at
    FROM deleted_emergency d JOIN account o ON o.id = d.owner_id
    WHERE (d.created_at, d.id) < (coalesce($1, 'infinity'::timestamptz), $2)
    ORDER BY d.created_at DESC, d.id DESC LIMIT $3";

statements!(FIND_FOR_RATING, AVAILABLE_AGAIN, DELETED);

#[derive(FromRow)]
struct ToBeRatedRow {
    #[sqlx(flatten)]
    emergency: EmergencyRow,
    rated_since: Vec<Uuid>,
}

#[derive(FromRow)]
struct DeletedRow {
    id: Uuid,
    owner_id: Uuid,
    first_name: String,
    last_name: Option<String>,
    request_id: Option<String>,
    kind: String,
    status: String,
    latitude: f64,
    longitude: f64,
    created_at: Timestamp,
    ended_at: Timestamp,
    deleted_at: Timestamp,
}

impl DeletedRow {
    fn record(self) -> Result<DeletedEmergency> {
        let Self { id, owner_id, first_name, last_name, request_id, kind, status, .. } = self;
        let Self { latitude, longitude, created_at, ended_at, deleted_at, .. } = self;
        let stored = RowDecoder { table: "deleted_emergency", id };
        Ok(DeletedEmergency {
            id: id.into(),
            owner: RowDecoder::account(owner_id).person(&first_name, last_name.as_deref())?,
            request_id: stored.text_opt("request_id", request_id.as_deref())?,
            kind: stored.parse("kind", &kind)?,
            status: stored.parse("status", &status)?,
            place: stored.position(latitude, longitude)?,
            created_at,
            ended_at,
            deleted_at,
        })
    }
}

impl Postgres {
    pub(crate) async fn read_for_rating(&self, id: EmergencyId, since: Timestamp) -> Result<Option<ToBeRated>> {
        let query = sqlx::query_as(FIND_FOR_RATING).bind(Uuid::from(id)).bind(since);
        let row: Option<ToBeRatedRow> = query.fetch_optional(self.main()).await.map_err(failed)?;
        let Some(ToBeRatedRow { emergency, rated_since }) = row else { return Ok(None) };
        let rated_since = rated_since.into_iter().map(UserId::from).collect();
        Ok(Some(ToBeRated { emergency: emergency.emergency()?, rated_since }))
    }

    pub(crate) async fn read_available_again(&self, id: EmergencyId, policy: HelperPolicy) -> Result<Vec<UserId>> {
        let query = sqlx::query_scalar(AVAILABLE_AGAIN).bind(Uuid::from(id)).bind(policy == HelperPolicy::Open);
        let helpers: Vec<Uuid> = query.fetch_all(self.main()).await.map_err(failed)?;
        Ok(helpers.into_iter().map(Into::into).collect())
    }

    pub(crate) async fn read_deleted(&self, page: &DeletedPage) -> Result<Vec<DeletedEmergency>> {
        let DeletedPage { before, limit } = *page;
        let (at, id): (Option<Timestamp>, Uuid) = before.map_or((None, Uuid::max()), |(at, id)| (Some(at), id.into()));
        let query = sqlx::query_as(DELETED).bind(at).bind(id).bind(i64::from(limit));
        let rows: Vec<DeletedRow> = query.fetch_all(self.main()).await.map_err(failed)?;
        rows.into_iter().map(DeletedRow::record).collect()
    }
}
