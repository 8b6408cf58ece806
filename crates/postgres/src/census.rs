//! Reads the census of a decision by gain: the first helpers to arrive at an emergency, and the history and devices of these and of all
//! alerted helpers. Part of the statements that load an emergency or the surroundings of a new one, so that both are one round trip.

use allynet_domain::{
    CheckedSkill, Tier, Timestamp, UserId,
    dispatch::{AlertHistory, CensusEntry, DeviceHealth, MAX_CANDIDATES, StoredQualification, Transport, TravelModel},
    port::Result,
};
use allynet_sql::RowDecoder;
use serde::Deserialize;
use sqlx::{Row as _, postgres::PgRow};
use uuid::Uuid;

use crate::error::failed;

/// Common table expressions that find the helpers around `target`: one row with `place`, `owner_id`, `anonymous`, `critical`,
/// `required_tier` (null if none is) and `emergency_id` (null before it is raised). `separated` are users whom a block separates.
///
/// Helpers have a position since `$1`, an anchor within `$2`, and a `duty` of at least `$3`; `$4` is the time of the search. `$5` and
/// `$6` are the seconds of preparation and the seconds per metre on foot, by bike and by car; `$7` how many of each rank are
/// wanted, `$8` the height of the cells by which helpers are judged, `$9` the largest radius, `$10` since when rings count, and `$11`
/// by how much the distance of an anchor may differ from the one that is judged.
///
/// `found` holds all helpers whose anchors are within `$2`, `chosen` the first to arrive of each rank with the required tier within the
/// largest radius, those alerted before, who take no place of the others, and all that are passed over.
macro_rules! census_tables {
    () => {
        "
    busy AS MATERIALIZED (
        SELECT helper_id AS id FROM response WHERE engaged
        UNION ALL
        SELECT owner_id FROM emergency WHERE status IN ('active', 'responding') AND NOT anonymous
    ),
    -- To count owners of anonymous emergencies as engaged would name them.
    counted_only AS MATERIALIZED (
        SELECT owner_id AS id FROM emergency WHERE status IN ('active', 'responding') AND anonymous
        UNION ALL
        SELECT id FROM separated
    ),
    alerted AS MATERIALIZED (
        SELECT l.helper_id AS id FROM target t JOIN alert l ON l.emergency_id = t.emergency_id
    ),
    -- A row for each helper around, so it holds what is cheap only: how far the anchor is, and when they arrive at the earliest and
    -- at the latest.
    found AS MATERIALIZED (
        SELECT f.*, f.preparation + f.pace * (f.near - $11) AS earliest, f.preparation + f.pace * (f.near + $11) AS latest
        FROM (
            SELECT p.account_id AS id, p.account_id IN (SELECT id FROM alerted) AS is_alerted, p.latitude, p.longitude,
                ($5::float8[])[CASE p.transport WHEN 'foot' THEN 1 WHEN 'bike' THEN 2 ELSE 3 END] AS preparation,
                ($6::float8[])[CASE p.transport WHEN 'foot' THEN 1 WHEN 'bike' THEN 2 ELSE 3 END] AS pace,
                ST_Distance(p.anchor, t.place, false) AS near,
                (CASE WHEN p.account_id IN (SELECT id FROM counted_only) THEN 2
                    WHEN coalesce(p.proven_at <= $4, true) THEN 0 ELSE 1 END)::smallint AS rank,
                CASE WHEN p.account_id IN (SELECT id FROM busy) THEN 'engaged'
                    WHEN NOT is_reached_v1(p, t.owner_id, t.critical, $4) THEN skip_reason_v1(p, t.critical, $4) END AS reason
            FROM target t CROSS JOIN position p
            WHERE ST_DWithin(p.anchor, t.place, $2, false)
                AND p.at >= $1 AND p.account_id <> t.owner_id AND p.duty >= $3
            OFFSET 0 -- Each column is computed once.
        ) AS f
    ),
    eligible AS MATERIALIZED (
        SELECT f.* FROM found f
        WHERE f.reason IS NULL AND f.rank < 2 AND NOT f.is_alerted AND ((SELECT required_tier FROM target) IS NULL OR (
            SELECT array_position('{public,registered,professional}'::text[],
                    coalesce(a.tier, CASE a.verification WHEN 'verified' THEN 'registered' ELSE 'public' END))
                >= array_position('{public,registered,professional}'::text[], (SELECT required_tier FROM target))
            FROM account a WHERE a.id = f.id))
    ),
    -- By when as many of a rank as are wanted, who are surely within the largest radius, have arrived at the latest. Who arrives
    -- later at the earliest is none of them.
    bounds AS MATERIALIZED (
        SELECT r.rank, (
            SELECT CASE count(*) WHEN $7 THEN max(soonest.latest) ELSE 'infinity' END
            FROM (SELECT e.latest FROM eligible e WHERE e.rank = r.rank AND e.near + $11 <= $9 ORDER BY e.latest LIMIT $7) AS soonest
        ) AS latest
        FROM (VALUES (0), (1)) AS r (rank)
    ),
    ranked AS MATERIALIZED (
        SELECT f.*, row_number() OVER (PARTITION BY f.rank ORDER BY f.preparation + f.pace * f.distance, f.id) AS nth
        FROM (
            SELECT e.*, ST_Distance(cell_centre_v2(e.latitude, e.longitude, 0, 0, $8, 1), t.place) AS distance
            FROM bounds b JOIN eligible e ON e.rank = b.rank AND e.earliest <= b.latest CROSS JOIN target t
            OFFSET 0
        ) AS f
        WHERE f.distance <= $9
    ),
    chosen AS MATERIALIZED (
        SELECT id, latitude, longitude, rank, NULL AS reason FROM ranked WHERE nth <= $7
        UNION ALL
        SELECT id, latitude, longitude, rank, reason FROM found WHERE reason IS NOT NULL OR is_alerted AND rank < 2
    ),
    known AS MATERIALIZED (
        SELECT id FROM chosen WHERE reason IS NULL
        UNION
        SELECT id FROM alerted
        UNION
        SELECT r.helper_id FROM target t JOIN response r ON r.emergency_id = t.emergency_id
    )"
    };
}

/// The columns of `FoundRow`, and `census`: JSON with the keys of [`EntryRow`].
macro_rules! census_columns {
    () => {
        "
        f.*, (
            SELECT json_agg(entry)::text FROM (
            SELECT k.id AS helper, p.latitude, p.longitude, p.transport, coalesce(p.proven_at <= $4, true) AS is_proven,
                k.id IN (SELECT id FROM busy) OR a.blocked OR coalesce(a.verification = 'rejected', false) AS is_gone,
                coalesce(a.verification = 'verified', false) AS is_verified, a.tier, a.checked_skills,
                coalesce(h.alerts, 0) AS alerts, coalesce(h.kept, 0) AS kept, n.sent_at AS newest_alert_at,
                coalesce(n.received, false) AS acknowledged,
                greatest(p.at, (SELECT max(d.last_delivered_at) FROM device d WHERE d.account_id = k.id),
                    (SELECT max(s.last_used_at) FROM session s WHERE s.account_id = k.id AND s.revoked_at IS NULL)) AS heard_at
            FROM known k
            CROSS JOIN LATERAL (SELECT * FROM position p WHERE p.account_id = k.id OFFSET 0) AS p
            CROSS JOIN LATERAL (SELECT a.verification, a.blocked, a.tier, a.checked_skills FROM account a WHERE a.id = k.id OFFSET 0) AS a
            LEFT JOIN LATERAL (SELECT h.alerts, h.kept FROM helper_history h WHERE h.account_id = k.id OFFSET 0) AS h ON true
            LEFT JOIN LATERAL (
                SELECT l.sent_at, coalesce(l.acknowledged_at, l.received_at) IS NOT NULL AS received
                FROM alert l
                WHERE l.helper_id = k.id AND l.wave IS NOT NULL AND l.sent_at < $4 - interval '60 seconds'
                    AND l.emergency_id IS DISTINCT FROM (SELECT emergency_id FROM target)
                ORDER BY l.sent_at DESC LIMIT 1
            ) AS n ON true
            OFFSET 0
        ) AS entry) AS census
    FROM (
        SELECT array_agg(c.id) FILTER (WHERE c.reason IS NULL) AS helpers,
            array_agg(c.latitude) FILTER (WHERE c.reason IS NULL) AS latitudes,
            array_agg(c.longitude) FILTER (WHERE c.reason IS NULL) AS longitudes,
            array_agg(c.rank) FILTER (WHERE c.reason IS NULL) AS ranks,
            array_agg(c.id) FILTER (WHERE c.reason IS NOT NULL) AS skipped,
            array_agg(c.latitude) FILTER (WHERE c.reason IS NOT NULL) AS skipped_latitudes,
            array_agg(c.longitude) FILTER (WHERE c.reason IS NOT NULL) AS skipped_longitudes,
            array_agg(c.reason) FILTER (WHERE c.reason IS NOT NULL) AS skip_reasons
        FROM chosen c
    ) AS f"
    };
}
pub(crate) use {census_columns, census_tables};

/// How many helpers of each rank a census holds.
#[expect(clippy::cast_possible_wrap, reason = "60")]
pub(crate) const MAX_WANTED: i64 = MAX_CANDIDATES as i64;

/// The seconds of preparation, and the seconds per metre, of each mode of transport.
pub(crate) fn paces(travel: &TravelModel) -> (Vec<f64>, Vec<f64>) {
    let pace = |speed: f64| travel.detour / speed;
    (travel.preparations.to_vec(), travel.speeds.iter().copied().map(pace).collect())
}

#[derive(Deserialize)]
#[expect(clippy::struct_excessive_bools, reason = "columns of a row, which are independent")]
struct EntryRow {
    helper: UserId,
    latitude: f64,
    longitude: f64,
    transport: Transport,
    is_proven: bool,
    is_gone: bool,
    is_verified: bool,
    tier: Option<Tier>,
    /// Null for none.
    checked_skills: Option<Vec<CheckedSkill>>,
    alerts: u32,
    kept: u32,
    newest_alert_at: Option<Timestamp>,
    acknowledged: bool,
    heard_at: Option<Timestamp>,
}

/// The column `census` of a row, as of `now`.
pub(crate) fn census(row: &PgRow, now: Timestamp) -> Result<Vec<CensusEntry>> {
    let census: Option<String> = row.try_get("census").map_err(failed)?;
    let stored = RowDecoder { table: "position", id: Uuid::nil() };
    let entries: Vec<EntryRow> = census.map_or(Ok(Vec::new()), |json| stored.json("census", &json))?;
    entries.into_iter().map(|entry| entry.entry(now)).collect()
}

impl EntryRow {
    fn entry(self, now: Timestamp) -> Result<CensusEntry> {
        let Self { helper, latitude, longitude, transport, is_proven, is_gone, .. } = self;
        let Self { is_verified, tier, checked_skills, .. } = self;
        let skills = checked_skills.unwrap_or_default();
        let (tier, skills) = StoredQualification { tier, is_verified, skills }.at(now);
        let Self { alerts, kept, newest_alert_at, acknowledged, heard_at, .. } = self;
        let stored = RowDecoder { table: "position", id: Uuid::from(helper) };
        Ok(CensusEntry {
            helper,
            position: stored.position(latitude, longitude)?,
            transport,
            tier,
            skills,
            is_proven,
            is_gone,
            history: AlertHistory { alerts, kept },
            device: DeviceHealth { newest_alert_at, acknowledged, heard_at },
        })
    }
}
