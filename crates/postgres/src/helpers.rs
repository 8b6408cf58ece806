//! Searches for helpers by position, and counts of helpers.

use allynet_domain::{
    Coverage, Grid, HelperPolicy, Metres, Timestamp,
    port::{DutyCounts, Helpers, HelpersAround, OnDuty, Result, UnderReview, Vicinity},
};
use allynet_sql::RowDecoder;
use async_trait::async_trait;
use futures_util::TryStreamExt as _;
use serde::Deserialize;
use sqlx::FromRow;
use tracing::instrument;
use uuid::Uuid;

use crate::{
    Postgres,
    emergency_row::EmergencyRow,
    error::failed,
    near::{FoundRow, min_duty, outer_anchor_distance},
    rows::AccountRow,
};

/// [`AroundRow`]: the emergency `$1`, where its helpers are, and the helpers (as [`FoundRow`]) whose anchors lie within `$3`:
/// with a position since `$2` and a `duty` of at least `$4`, reached by it at `$6`, neither engaged nor owner of a live emergency; and whether a block
/// hides it from the user `$5`. Owners of anonymous ones are included, since a number without them would name them.
const AROUND: &str = "
    SELECT v.*, (
            SELECT coalesce(json_agg(json_build_object('helper', r.helper_id, 'latitude', p.latitude,
                'longitude', p.longitude)), '[]')::text
            FROM response r JOIN position p ON p.account_id = r.helper_id
            WHERE r.emergency_id = v.id AND r.status <> 'cancelled'
        ) AS responding,
        (EXISTS (SELECT FROM user_block b WHERE b.owner_id = v.owner_id AND b.blocked_id = $5)
            OR NOT v.anonymous
                AND EXISTS (SELECT FROM user_block b WHERE b.owner_id = $5 AND b.blocked_id = v.owner_id)) AS hidden,
        found.*
    FROM emergency_with_parts_v3 v
    JOIN emergency e ON e.id = v.id
    CROSS JOIN LATERAL (
        SELECT array_agg(p.account_id) AS helpers, array_agg(p.latitude) AS latitudes,
            array_agg(p.longitude) AS longitudes, array_agg(0::smallint) AS ranks
        FROM position p
        WHERE ST_DWithin(p.anchor, e.place, $3, false) AND p.at >= $2 AND p.duty >= $4
            AND is_reached_v1(p, e.owner_id, is_critical_v1(e), $6)
            AND (e.anonymous OR p.account_id <> e.owner_id)
            AND p.account_id NOT IN (
                SELECT helper_id FROM response WHERE engaged
                UNION ALL
                SELECT owner_id FROM emergency WHERE status IN ('active', 'responding') AND NOT anonymous)
    ) AS found
    WHERE v.id = $1";

/// Accounts on duty, and those of them with a position since `$1`. Two statements, because under `verified` the accounts are
/// counted in an index that holds no others (`account_on_duty`).
const COUNT_VERIFIED: &str = "
    SELECT (SELECT count(*) FROM account WHERE NOT blocked AND verification = 'verified' AND available) AS on_duty,
        (SELECT count(*) FROM position WHERE at >= $1 AND duty >= 2) AS fresh";
const COUNT_OPEN: &str = "
    SELECT (SELECT count(*) FROM account WHERE NOT blocked AND coalesce(available, true)
            AND verification IS DISTINCT FROM 'rejected') AS on_duty,
        (SELECT count(*) FROM position WHERE at >= $1 AND duty >= 1) AS fresh";

/// The places of all helpers with a position since `$1` and a `duty` of at least `$2` who are available at `$3`. Reads the table of
/// positions, of which nearly every row counts, and looks up nothing for a row but a limit per day.
const COVERAGE: &str = "
    SELECT p.latitude, p.longitude FROM position p
    WHERE p.at >= $1 AND p.duty >= $2 AND is_reached_v1(p, p.account_id, false, $3)
        AND p.account_id NOT IN (
            SELECT helper_id FROM response WHERE engaged
            UNION ALL
            SELECT owner_id FROM emergency WHERE status IN ('active', 'responding') AND NOT anonymous)";

/// The accounts whose review is due at `$1`, and those that reached their limit per day by a ring after `$2`, at most `$3` of each;
/// with the time at which as many rings as the limit lie in the past.
const DUE_FOR_REVIEW: &str = "
    WITH due AS (
        (SELECT id FROM account WHERE alert_review_at <= $1 ORDER BY alert_review_at LIMIT $3)
        UNION
        (SELECT a.id FROM ring r JOIN account a ON a.id = r.helper_id
         WHERE r.rung_at > $2 AND a.max_alerts_per_day IS NOT NULL AND a.alert_scope = 'all'
            AND alert_limit_reached_v1(a.id, a.max_alerts_per_day, a.id, $1)
         LIMIT $3)
    )
    SELECT a.id, a.email, a.first_name, a.last_name, a.phone, a.avatar, a.bio, a.locale, a.role, a.blocked,
        a.verification, a.available, a.alert_preferences::text AS alert_preferences, a.alert_scope, a.skills, a.transport,
        a.tier, a.checked_skills::text AS checked_skills,
        a.trust_score, a.rating_sum, a.rating_count, a.created_at, CASE WHEN a.max_alerts_per_day IS NOT NULL THEN (
            SELECT max(r.rung_at) + interval '24 hours'
            FROM ring r
            WHERE r.helper_id = a.id AND r.rung_at > $1 - interval '24 hours' AND r.owner_id <> a.id
            GROUP BY r.owner_id ORDER BY max(r.rung_at) DESC
            OFFSET a.max_alerts_per_day - 1 LIMIT 1
        ) END AS limit_ends_at
    FROM account a WHERE a.id = ANY (ARRAY (SELECT id FROM due))";

statements!(AROUND, COUNT_VERIFIED, COUNT_OPEN, COVERAGE, DUE_FOR_REVIEW);

#[derive(FromRow)]
struct UnderReviewRow {
    #[sqlx(flatten)]
    account: AccountRow,
    limit_ends_at: Option<Timestamp>,
}

impl UnderReviewRow {
    fn under_review(self) -> Result<UnderReview> {
        let Self { account, limit_ends_at } = self;
        Ok(UnderReview { account: account.account()?, limit_ends_at })
    }
}

#[derive(FromRow)]
struct AroundRow {
    #[sqlx(flatten)]
    emergency: EmergencyRow,
    hidden: bool,
    responding: String,
    #[sqlx(flatten)]
    found: FoundRow,
}

/// An element of the column `responding`.
#[derive(Deserialize)]
struct PlaceRow {
    helper: Uuid,
    latitude: f64,
    longitude: f64,
}

impl AroundRow {
    /// `reach` is the radius of the search.
    fn helpers_around(self, reach: Metres) -> Result<HelpersAround> {
        let Self { emergency, hidden, responding, found } = self;
        let emergency = emergency.emergency()?;
        let stored = RowDecoder { table: "emergency", id: Uuid::from(emergency.id()) };
        let responding: Vec<PlaceRow> = stored.json("responding", &responding)?;
        let place = |PlaceRow { helper: id, latitude, longitude }| {
            Ok((id.into(), RowDecoder { table: "position", id }.position(latitude, longitude)?))
        };
        let responding = responding.into_iter().map(place).collect::<Result<_>>()?;
        Ok(HelpersAround { emergency, hidden, responding, available: found.helpers(reach)? })
    }
}

#[derive(FromRow)]
struct CountRow {
    on_duty: i64,
    fresh: i64,
}

#[async_trait]
impl Helpers for Postgres {
    #[instrument(name = "pg.helpers.around", level = "debug", skip_all, fields(emergency = %vicinity.emergency))]
    async fn around(&self, vicinity: &Vicinity) -> Result<Option<HelpersAround>> {
        let Vicinity { emergency, reader, on_duty, radius, places: _ } = *vicinity;
        let row: Option<AroundRow> = sqlx::query_as(AROUND)
            .bind(Uuid::from(emergency))
            .bind(on_duty.fresh_since)
            .bind(outer_anchor_distance(radius))
            .bind(min_duty(on_duty.policy))
            .bind(Uuid::from(reader))
            .bind(on_duty.now)
            .fetch_optional(self.main())
            .await
            .map_err(failed)?;
        row.map(|row| row.helpers_around(radius)).transpose()
    }

    #[instrument(name = "pg.helpers.coverage", level = "debug", skip_all)]
    async fn coverage(&self, on_duty: OnDuty, grid: Grid) -> Result<Coverage> {
        let query = sqlx::query_as(COVERAGE).bind(on_duty.fresh_since).bind(min_duty(on_duty.policy)).bind(on_duty.now);
        let (mut coverage, stored) = (Coverage::new(grid), RowDecoder { table: "position", id: Uuid::nil() });
        let mut rows = query.fetch(self.main());
        // One row at a time: there may be a hundred thousand.
        while let Some((latitude, longitude)) = rows.try_next().await.map_err(failed)? {
            coverage.add(stored.position(latitude, longitude)?);
        }
        Ok(coverage)
    }

    #[instrument(name = "pg.helpers.due_for_review", level = "debug", skip_all)]
    async fn due_for_review(&self, now: Timestamp, rung_since: Timestamp, limit: u32) -> Result<Vec<UnderReview>> {
        let query = sqlx::query_as(DUE_FOR_REVIEW).bind(now).bind(rung_since).bind(i64::from(limit));
        let rows: Vec<UnderReviewRow> = query.fetch_all(self.main()).await.map_err(failed)?;
        rows.into_iter().map(UnderReviewRow::under_review).collect()
    }

    #[instrument(name = "pg.helpers.count", level = "debug", skip_all)]
    async fn count(&self, policy: HelperPolicy, fresh_since: Timestamp) -> Result<DutyCounts> {
        let sql = match policy {
            HelperPolicy::Verified => COUNT_VERIFIED,
            HelperPolicy::Open => COUNT_OPEN,
        };
        let row = sqlx::query_as(sql).bind(fresh_since).fetch_one(self.main()).await.map_err(failed)?;
        let CountRow { on_duty, fresh } = row;
        let number = |count: i64| u32::try_from(count).unwrap_or(u32::MAX);
        Ok(DutyCounts { on_duty: number(on_duty), fresh: number(fresh) })
    }
}
