//! The statements that read emergencies. Each returns also the owner, all responses and the counts of alerts.
//!
//! Statements that search for more than an id select ids from `emergency` first, with their order and limit, and join the
//! view to what they found, so that the parts of an emergency are read for the rows of the page only.

use crate::census::{census_columns, census_tables};

pub(crate) const FIND: &str = "SELECT * FROM emergency_with_parts_v3 WHERE id = $1";

/// `ReadRow`: the emergency `$1` for the reader `$2`.
pub(crate) const READ: &str = "
    SELECT v.*, EXISTS (SELECT FROM alert l WHERE l.emergency_id = v.id AND l.helper_id = $2
        AND l.wave IS NOT NULL AND l.declined_at IS NULL) AS reader_alerted,
        (EXISTS (SELECT FROM user_block b WHERE b.owner_id = v.owner_id AND b.blocked_id = $2)
            OR NOT v.anonymous
                AND EXISTS (SELECT FROM user_block b WHERE b.owner_id = $2 AND b.blocked_id = v.owner_id)) AS hidden
    FROM emergency_with_parts_v3 v WHERE v.id = $1";

/// `LoadRow`: the emergency `$1` with every alert and decline of it. `HelperRow`: how helper `$2` travels and where they are; and the
/// users that they block.
pub(crate) const LOAD: &str = "
    SELECT v.*, (
            SELECT coalesce(json_agg(json_build_object('helper', l.helper_id, 'wave', l.wave,
                'first_sent_at', coalesce(l.first_sent_at, l.sent_at), 'sent_at', l.sent_at, 'repeats', l.repeats,
                'received_at', l.received_at, 'acknowledged_at', l.acknowledged_at, 'declined_at', l.declined_at)
                ORDER BY l.wave, l.distance, l.helper_id), '[]')::text
            FROM alert l WHERE l.emergency_id = v.id
        ) AS alerts,
        ARRAY (SELECT b.blocked_id FROM user_block b WHERE b.owner_id = $2 AND b.blocked_id IS NOT NULL) AS blocks,
        (SELECT a.transport FROM account a WHERE a.id = $2) AS helper_transport,
        (SELECT json_build_object('latitude', p.latitude, 'longitude', p.longitude, 'at', p.at)::text
            FROM position p WHERE p.account_id = $2) AS helper_fix,
        hidden_from_v1(v.owner_id, v.anonymous) AS hidden_from
    FROM emergency_with_parts_v3 v WHERE v.id = $1";

/// [`LOAD`] with the helpers (as `FoundRow`) who may be among the nearest within the anchor distance `$3`: `$4` of them,
/// and as many as were alerted, declined or responded, since those do not count. They have a position since `$2` and a
/// `duty` of at least `$7`.
///
/// As in [`crate::helpers`], a ninth or a third of the distance is enough where it holds so many anchors of proven helpers,
/// which come first; `$8` is the time of the search. Helpers that the emergency does not reach then, engaged helpers and owners of live
/// emergencies are `skipped`; owners of anonymous ones, and users that a block separates, have the rank 2; whom only the response of
/// `$10` separates has not. `rings` are those of the owner since `$9`.
/// `$5` and `$6` are `NEAREST_FACTOR` and `NEAREST_MARGIN`.
pub(crate) const LOAD_WITH_NEAREST: &str = "
    WITH busy AS MATERIALIZED (
        SELECT helper_id AS id FROM response WHERE engaged
        UNION ALL
        SELECT owner_id FROM emergency WHERE status IN ('active', 'responding') AND NOT anonymous
    ),
    -- To count owners of anonymous emergencies as engaged would name them.
    passed_over AS MATERIALIZED (
        SELECT owner_id AS id FROM emergency WHERE status IN ('active', 'responding') AND anonymous
        UNION ALL
        SELECT s.id FROM emergency e CROSS JOIN LATERAL separated_v1(e.id, e.owner_id, e.anonymous, e.created_at, $10) AS s
        WHERE e.id = $1
    ),
    unavailable AS MATERIALIZED (SELECT id FROM busy UNION ALL SELECT id FROM passed_over)
    SELECT v.*, (
            SELECT coalesce(json_agg(json_build_object('helper', l.helper_id, 'wave', l.wave,
                'first_sent_at', coalesce(l.first_sent_at, l.sent_at), 'sent_at', l.sent_at, 'repeats', l.repeats,
                'received_at', l.received_at, 'acknowledged_at', l.acknowledged_at, 'declined_at', l.declined_at)
                ORDER BY l.wave, l.distance, l.helper_id), '[]')::text
            FROM alert l WHERE l.emergency_id = v.id
        ) AS alerts, (
            SELECT json_agg(r)::text FROM (
                SELECT helper_id AS helper, count(*) AS count, max(rung_at) AS last
                FROM ring WHERE owner_id = v.owner_id AND rung_at > $9 GROUP BY helper_id
            ) AS r
        ) AS rings,
        hidden_from_v1(v.owner_id, v.anonymous) AS hidden_from,
        found.*
    FROM emergency_with_parts_v3 v
    JOIN emergency e ON e.id = v.id
    CROSS JOIN LATERAL (
        SELECT $4 + (SELECT count(*) FROM alert l WHERE l.emergency_id = e.id)
            + (SELECT count(*) FROM response r WHERE r.emergency_id = e.id) AS count
    ) AS wanted
    CROSS JOIN LATERAL (
        SELECT array_agg(f.id) FILTER (WHERE f.reason IS NULL) AS helpers,
            array_agg(f.latitude) FILTER (WHERE f.reason IS NULL) AS latitudes,
            array_agg(f.longitude) FILTER (WHERE f.reason IS NULL) AS longitudes,
            array_agg(f.rank) FILTER (WHERE f.reason IS NULL) AS ranks,
            array_agg(f.id) FILTER (WHERE f.reason IS NOT NULL) AS skipped,
            array_agg(f.latitude) FILTER (WHERE f.reason IS NOT NULL) AS skipped_latitudes,
            array_agg(f.longitude) FILTER (WHERE f.reason IS NOT NULL) AS skipped_longitudes,
            array_agg(f.reason) FILTER (WHERE f.reason IS NOT NULL) AS skip_reasons
        FROM (
            SELECT p.account_id AS id, p.latitude, p.longitude, (CASE WHEN p.account_id IN (SELECT id FROM passed_over) THEN 2
                    WHEN coalesce(p.proven_at <= $8, true) THEN 0 ELSE 1 END)::smallint AS rank,
                CASE WHEN p.account_id IN (SELECT id FROM busy) THEN 'engaged'
                    WHEN NOT is_reached_v1(p, e.owner_id, is_critical_v1(e), $8)
                        THEN skip_reason_v1(p, is_critical_v1(e), $8) END AS reason
            FROM position p
            WHERE ST_DWithin(p.anchor, e.place, least($3, CASE
                    WHEN (SELECT count(*) FROM (
                            SELECT FROM position p
                            WHERE ST_DWithin(p.anchor, e.place, $3 / 9, false)
                                AND p.at >= $2 AND p.account_id <> e.owner_id AND p.duty >= $7
                                AND is_reached_v1(p, e.owner_id, is_critical_v1(e), $8)
                                AND p.account_id NOT IN (SELECT id FROM unavailable) AND coalesce(p.proven_at <= $8, true)
                            LIMIT wanted.count) AS n) = wanted.count
                        THEN $3 / 9 * $5 + $6
                    WHEN (SELECT count(*) FROM (
                            SELECT FROM position p
                            WHERE ST_DWithin(p.anchor, e.place, $3 / 3, false)
                                AND p.at >= $2 AND p.account_id <> e.owner_id AND p.duty >= $7
                                AND is_reached_v1(p, e.owner_id, is_critical_v1(e), $8)
                                AND p.account_id NOT IN (SELECT id FROM unavailable) AND coalesce(p.proven_at <= $8, true)
                            LIMIT wanted.count) AS n) = wanted.count
                        THEN $3 / 3 * $5 + $6
                END), false)
                AND p.at >= $2 AND p.account_id <> e.owner_id AND p.duty >= $7
            OFFSET 0 -- The reason is computed once, not for each array.
        ) AS f
    ) AS found
    WHERE v.id = $1";

/// [`LOAD`] with the helper `$4` (as `FoundRow`), if their anchor lies within `$3`, they have a position since `$2` and a
/// `duty` of at least `$5`, and are available. `$6`, `$7` and `$8` are as `$8`, `$9` and `$10` there.
pub(crate) const LOAD_WITH_ONE: &str = "
    WITH unavailable AS MATERIALIZED (
        SELECT helper_id AS id FROM response WHERE engaged
        UNION ALL
        SELECT owner_id FROM emergency WHERE status IN ('active', 'responding')
        UNION ALL
        SELECT s.id FROM emergency e CROSS JOIN LATERAL separated_v1(e.id, e.owner_id, e.anonymous, e.created_at, $8) AS s
        WHERE e.id = $1
    )
    SELECT v.*, (
            SELECT coalesce(json_agg(json_build_object('helper', l.helper_id, 'wave', l.wave,
                'first_sent_at', coalesce(l.first_sent_at, l.sent_at), 'sent_at', l.sent_at, 'repeats', l.repeats,
                'received_at', l.received_at, 'acknowledged_at', l.acknowledged_at, 'declined_at', l.declined_at)
                ORDER BY l.wave, l.distance, l.helper_id), '[]')::text
            FROM alert l WHERE l.emergency_id = v.id
        ) AS alerts, (
            SELECT json_agg(r)::text FROM (
                SELECT helper_id AS helper, count(*) AS count, max(rung_at) AS last
                FROM ring WHERE owner_id = v.owner_id AND rung_at > $7 GROUP BY helper_id
            ) AS r
        ) AS rings,
        hidden_from_v1(v.owner_id, v.anonymous) AS hidden_from,
        found.*
    FROM emergency_with_parts_v3 v
    JOIN emergency e ON e.id = v.id
    CROSS JOIN LATERAL (
        SELECT array_agg(p.account_id) AS helpers, array_agg(p.latitude) AS latitudes,
            array_agg(p.longitude) AS longitudes, array_agg((CASE WHEN coalesce(p.proven_at <= $6, true) THEN 0 ELSE 1 END)::smallint) AS ranks
        FROM position p
        WHERE p.account_id = $4 AND ST_DWithin(p.anchor, e.place, $3, false)
            AND p.at >= $2 AND p.account_id <> e.owner_id AND p.duty >= $5
            AND is_reached_v1(p, e.owner_id, is_critical_v1(e), $6)
            AND p.account_id NOT IN (SELECT id FROM unavailable)
    ) AS found
    WHERE v.id = $1";

/// [`LOAD`] of the emergency `$12` with the helpers that a decision by gain needs: see [`census_tables`]. Whom only the response of `$13`
/// separates is not separated. `$15` are the tiers that emergencies of the kinds `$14` require.
pub(crate) const LOAD_WITH_CENSUS: &str = concat!(
    "
    WITH target AS MATERIALIZED (
        SELECT e.place, e.owner_id, e.anonymous, is_critical_v1(e) AS critical, e.id AS emergency_id, e.created_at,
            ($15::text[])[array_position($14::text[], e.kind)] AS required_tier
        FROM emergency e WHERE e.id = $12
    ),
    separated AS MATERIALIZED (
        SELECT s.id FROM target t
        CROSS JOIN LATERAL separated_v1(t.emergency_id, t.owner_id, t.anonymous, t.created_at, $13) AS s
    ),",
    census_tables!(),
    "
    SELECT v.*, (
            SELECT coalesce(json_agg(json_build_object('helper', l.helper_id, 'wave', l.wave,
                'first_sent_at', coalesce(l.first_sent_at, l.sent_at), 'sent_at', l.sent_at, 'repeats', l.repeats,
                'received_at', l.received_at, 'acknowledged_at', l.acknowledged_at, 'declined_at', l.declined_at)
                ORDER BY l.wave, l.distance, l.helper_id), '[]')::text
            FROM alert l WHERE l.emergency_id = v.id
        ) AS alerts, (
            SELECT json_agg(r)::text FROM (
                SELECT helper_id AS helper, count(*) AS count, max(rung_at) AS last
                FROM ring WHERE owner_id = v.owner_id AND rung_at > $10 GROUP BY helper_id
            ) AS r
        ) AS rings,
        hidden_from_v1(v.owner_id, v.anonymous) AS hidden_from,",
    census_columns!(),
    "
    CROSS JOIN emergency_with_parts_v3 v
    WHERE v.id = $12"
);

/// The live emergencies of the user `$1`: the owned one, then the one engaged in, then the completed ones.
///
/// OFFSET 0 keeps the planner from turning the look-ups by id into joins: planned on empty tables, and then kept by a
/// connection, a join compared every emergency with every response.
///
/// Returns at least one row, which holds the end of the log; without an emergency the rest of it is null. Both are
/// read in one snapshot, so that every event up to that end is reflected in the emergencies.
pub(crate) const LIVE_OF: &str = "
    WITH part AS MATERIALIZED (
        SELECT id, 1 AS rank FROM emergency WHERE owner_id = $1 AND status IN ('active', 'responding')
        UNION ALL
        SELECT r.emergency_id, CASE WHEN r.engaged THEN 2 ELSE 3 END
        FROM response r
        WHERE r.helper_id = $1 AND r.status <> 'cancelled'
            AND EXISTS (SELECT FROM emergency e
                        WHERE e.id = r.emergency_id AND e.status IN ('active', 'responding') OFFSET 0)
    )
    SELECT log.as_of, live.*
    FROM (SELECT coalesce(max(seq), 0) AS as_of FROM event) AS log
    LEFT JOIN (
        SELECT v.*, part.rank
        FROM part CROSS JOIN LATERAL (SELECT * FROM emergency_with_parts_v3 v WHERE v.id = part.id OFFSET 0) AS v
    ) AS live ON true
    ORDER BY live.rank, live.created_at DESC, live.id DESC";

/// The first `$3` live emergencies that concern the helper `$1`, in the order of the distances shown to them: within the
/// alert radius of (unless `$10`), or alerted to, and neither declined nor responded to. `$2` is `ROUNDING_TOLERANCE`.
///
/// Shown are exact places if `$4`, else those that `$5` (approximate) and the emergency's own anonymity say, as cells of the
/// grid with the shifts `$6` and `$7`; the position is judged from its cell of the height `$8`. The index is searched as far
/// as the largest alert radius in use and the offset `$9` of both cells, then each emergency's own radius decides.
pub(crate) const PENDING_FOR: &str = "
    WITH here AS MATERIALIZED (
        SELECT latitude, longitude, ST_SetSRID(ST_MakePoint(longitude, latitude), 4326)::geography AS place,
            cell_centre_v2(latitude, longitude, 0, 0, $8, 1) AS cell
        FROM position WHERE account_id = $1
    ),
    concerned AS (
        SELECT e.id, false AS alerted FROM here h
        JOIN emergency e ON ST_DWithin(e.place, h.place,
            (SELECT max(alert_radius) FROM emergency WHERE status IN ('active', 'responding')) + $9)
        WHERE NOT $10 AND e.status IN ('active', 'responding') AND ST_DWithin(e.place, h.place, e.alert_radius + $9)
        UNION ALL
        SELECT e.id, true FROM alert l JOIN emergency e ON e.id = l.emergency_id
        WHERE l.helper_id = $1 AND l.wave IS NOT NULL AND l.declined_at IS NULL
            AND e.status IN ('active', 'responding')
    ),
    nearest AS (
        SELECT e.id, c.alerted, h.latitude AS here_latitude, h.longitude AS here_longitude
        FROM (SELECT id, bool_or(alerted) AS alerted FROM concerned GROUP BY id) AS c
        JOIN emergency e ON e.id = c.id
        CROSS JOIN here h
        CROSS JOIN LATERAL (
            SELECT CASE WHEN $4 OR NOT ($5 OR e.anonymous) THEN 1
                WHEN c.alerted AND NOT EXISTS (SELECT FROM response r
                                               WHERE r.emergency_id = e.id AND r.helper_id = $1) THEN 100
                ELSE 1000 END AS step
        ) AS rounded
        CROSS JOIN LATERAL (
            SELECT CASE rounded.step WHEN 1 THEN e.place
                ELSE cell_centre_v2(e.latitude, e.longitude, $6, $7, 1000, CASE rounded.step WHEN 100 THEN 5 ELSE 1 END)
                END AS place
        ) AS shown
        WHERE e.owner_id <> $1
            AND (c.alerted OR ST_DWithin(shown.place, h.cell, e.alert_radius + $2))
            AND NOT EXISTS (SELECT FROM response r
                            WHERE r.emergency_id = e.id AND r.helper_id = $1 AND r.status <> 'cancelled')
            AND NOT EXISTS (SELECT FROM alert l
                            WHERE l.emergency_id = e.id AND l.helper_id = $1 AND l.declined_at IS NOT NULL)
            AND ($4 OR NOT (EXISTS (SELECT FROM user_block b WHERE b.owner_id = e.owner_id AND b.blocked_id = $1)
            OR NOT e.anonymous
                AND EXISTS (SELECT FROM user_block b WHERE b.owner_id = $1 AND b.blocked_id = e.owner_id)))
        ORDER BY rounded.step * round(ST_Distance(shown.place,
                CASE rounded.step WHEN 1 THEN h.place ELSE h.cell END) / rounded.step),
            e.created_at DESC, e.id DESC LIMIT $3
    )
    SELECT v.*, n.alerted AS reader_alerted, false AS hidden, n.here_latitude, n.here_longitude
    FROM nearest n JOIN emergency_with_parts_v3 v ON v.id = n.id";

/// The first `$4` live emergencies whose place, as it is shown to the reader `$5`, lies within `$3` metres of the latitude
/// `$1` and longitude `$2`, in the order of the distances shown.
///
/// Shown are exact places to participants and if `$6`, else as `$7` (approximate) and the emergency's own anonymity say, as
/// cells of the grid with the shifts `$8` and `$9`. The index is searched `$10` further. Ordering and limit go by what is
/// shown: by the exact place, a limit of one would tell which of two is nearer, and so find a place to the metre.
pub(crate) const NEARBY: &str = "
    SELECT v.*, page.alerted AS reader_alerted, false AS hidden
    FROM (
        SELECT e.id, part.alerted
        FROM emergency e
        CROSS JOIN LATERAL (
            SELECT EXISTS (SELECT FROM alert l WHERE l.emergency_id = e.id AND l.helper_id = $5
                           AND l.wave IS NOT NULL AND l.declined_at IS NULL) AS alerted,
                (SELECT r.status <> 'cancelled' FROM response r
                 WHERE r.emergency_id = e.id AND r.helper_id = $5) AS responds
        ) AS part
        CROSS JOIN LATERAL (
            SELECT CASE WHEN $6 OR e.owner_id = $5 OR part.responds OR NOT ($7 OR e.anonymous) THEN 1
                WHEN part.alerted AND part.responds IS NULL THEN 100
                ELSE 1000 END AS step
        ) AS rounded
        CROSS JOIN LATERAL (
            SELECT CASE rounded.step WHEN 1 THEN e.place
                ELSE cell_centre_v2(e.latitude, e.longitude, $8, $9, 1000, CASE rounded.step WHEN 100 THEN 5 ELSE 1 END)
                END AS place
        ) AS shown
        WHERE e.status IN ('active', 'responding')
            AND ST_DWithin(e.place, ST_SetSRID(ST_MakePoint($2, $1), 4326)::geography, $3::double precision + $10::double precision)
            AND ST_DWithin(shown.place, ST_SetSRID(ST_MakePoint($2, $1), 4326)::geography, $3)
            AND ($6 OR NOT (EXISTS (SELECT FROM user_block b WHERE b.owner_id = e.owner_id AND b.blocked_id = $5)
            OR NOT e.anonymous
                AND EXISTS (SELECT FROM user_block b WHERE b.owner_id = $5 AND b.blocked_id = e.owner_id)))
        ORDER BY rounded.step * round(
                ST_Distance(shown.place, ST_SetSRID(ST_MakePoint($2, $1), 4326)::geography) / rounded.step),
            e.created_at DESC, e.id DESC LIMIT $4
    ) AS page
    JOIN emergency_with_parts_v3 v ON v.id = page.id";

/// The newest `$4` emergencies of the user `$1`, as owner or helper, created before `$2` if given, in status `$3` if given,
/// and those that share the time of the last one. Each half reads no more than the page needs; no user is both owner and
/// helper of one emergency.
pub(crate) const HISTORY: &str = "
    SELECT v.*
    FROM (
        (SELECT id, created_at FROM emergency
         WHERE owner_id = $1 AND created_at < coalesce($2, 'infinity'::timestamptz) AND status = coalesce($3, status)
         ORDER BY created_at DESC FETCH FIRST $4 ROWS WITH TIES)
        UNION ALL
        (SELECT e.id, e.created_at FROM response r JOIN emergency e ON e.id = r.emergency_id
         WHERE r.helper_id = $1 AND r.status <> 'cancelled'
             AND e.created_at < coalesce($2, 'infinity'::timestamptz) AND e.status = coalesce($3, e.status)
         ORDER BY e.created_at DESC FETCH FIRST $4 ROWS WITH TIES)
        ORDER BY created_at DESC FETCH FIRST $4 ROWS WITH TIES
    ) AS page
    JOIN emergency_with_parts_v3 v ON v.id = page.id
    ORDER BY v.created_at DESC, v.id DESC";

/// A page for administrators, as `ListedRow`s: the newest `$3` live emergencies before the one created at `$1` (if given) with the id `$2`,
/// and within `$6` metres of the latitude `$4` and longitude `$5` (if given). Live ones are few, so the place is a filter
/// on the index that has them in order.
pub(crate) const LIST_LIVE: &str = "
    SELECT v.*, repeats_v1(v.owner_id, v.created_at) AS repeats
    FROM (
        SELECT e.id FROM emergency e
        WHERE e.status IN ('active', 'responding')
            AND (e.created_at, e.id) < (coalesce($1, 'infinity'::timestamptz), $2)
            AND ($4::float8 IS NULL OR ST_DWithin(e.place, ST_SetSRID(ST_MakePoint($5, $4), 4326)::geography, $6))
        ORDER BY e.created_at DESC, e.id DESC LIMIT $3
    ) AS page
    JOIN emergency_with_parts_v3 v ON v.id = page.id
    ORDER BY v.created_at DESC, v.id DESC";

/// The same in status `$4`. Two statements, because ended emergencies are many: without a place an index has them in order,
/// with one another index finds those around it. The limit is on the join itself: the planner takes an unknown limit for a
/// tenth of all rows, and would join so many ids by reading the whole table.
pub(crate) const LIST_STATUS: &str = "
    SELECT v.*, repeats_v1(v.owner_id, v.created_at) AS repeats
    FROM emergency_with_parts_v3 v
    WHERE v.status = $4 AND (v.created_at, v.id) < (coalesce($1, 'infinity'::timestamptz), $2)
    ORDER BY v.created_at DESC, v.id DESC LIMIT $3";
pub(crate) const LIST_STATUS_NEAR: &str = "
    SELECT v.*, repeats_v1(v.owner_id, v.created_at) AS repeats
    FROM (
        SELECT e.id FROM emergency e
        WHERE e.status = $4 AND (e.created_at, e.id) < (coalesce($1, 'infinity'::timestamptz), $2)
            AND ST_DWithin(e.place, ST_SetSRID(ST_MakePoint($6, $5), 4326)::geography, $7)
        ORDER BY e.created_at DESC, e.id DESC LIMIT $3
    ) AS page
    JOIN emergency_with_parts_v3 v ON v.id = page.id
    ORDER BY v.created_at DESC, v.id DESC";

statements!(
    FIND,
    READ,
    LOAD,
    LOAD_WITH_NEAREST,
    LOAD_WITH_ONE,
    LOAD_WITH_CENSUS,
    LIVE_OF,
    PENDING_FOR,
    NEARBY,
    HISTORY,
    LIST_LIVE,
    LIST_STATUS,
    LIST_STATUS_NEAR
);
