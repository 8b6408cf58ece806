-- An emergency with its owner, counts of alerts, and responses, as every read of one returns it. The keys of `responses`
-- are read by crates/postgres/src/emergency_row.rs.
--
-- `place` is left out, because a client that selects everything would have to ask for the type of that column first:
-- searches by place select ids from `emergency` and join this view to what they found.
CREATE FUNCTION blocks_of_v1(helper uuid) RETURNS json LANGUAGE plpgsql STABLE AS $$
BEGIN
    -- In PL/pgSQL, which looks up names when it runs: a later migration makes the table.
    RETURN (SELECT json_agg(b.blocked_id) FROM user_block b WHERE b.owner_id = helper AND b.blocked_id IS NOT NULL);
END $$;

CREATE VIEW emergency_with_parts_v2 AS
SELECT
    e.id, e.owner_id, o.first_name, o.last_name, e.request_id, e.kind, e.category, e.description, e.latitude,
    e.longitude, e.address, e.place_description, e.priority, e.severity, e.silent, e.anonymous, e.status,
    e.alert_radius, e.wave, e.next_alert_at, e.resume_at, e.renewed_at, e.search::text AS search, e.created_at,
    e.updated_at, e.first_response_at, e.ended_at, e.ended_by, e.resolution, e.ending_notes, e.revision, c.alerted,
    c.acknowledged, c.declined, c.sent, c.seen, c.failed,
    (
        SELECT coalesce(json_agg(json_build_object(
            'helper', json_build_object(
                'person', json_build_object('id', a.id, 'first_name', a.first_name, 'last_name', a.last_name),
                'reputation', json_build_object('trust_score', a.trust_score, 'rating_sum', a.rating_sum,
                    'rating_count', a.rating_count)),
            'status', r.status, 'notes', r.notes, 'estimated_arrival', r.estimated_arrival,
            'responded_at', r.responded_at, 'updated_at', r.updated_at, 'counts_until', r.counts_until,
            'cancellations', r.cancellations, 'repeats', r.repeats, 'repeats_since', r.repeats_since,
            'came_near', r.came_near, 'reopened', r.reopened, 'end_undone', r.end_undone,
            'latitude', p.latitude, 'longitude', p.longitude, 'located_at', p.at,
            'blocks', CASE WHEN r.status <> 'cancelled' THEN blocks_of_v1(r.helper_id) END
        ) ORDER BY r.first_responded_at, r.ordinal), '[]')::text
        FROM response r JOIN account a ON a.id = r.helper_id LEFT JOIN position p ON p.account_id = r.helper_id
        WHERE r.emergency_id = e.id
    ) AS responses
FROM emergency e
JOIN account o ON o.id = e.owner_id
CROSS JOIN LATERAL (
    SELECT count(*) AS alerted, count(l.acknowledged_at) AS acknowledged, count(l.declined_at) AS declined,
        count(coalesce(l.acknowledged_at, l.received_at, l.pushed_at)) AS sent, count(l.seen_at) AS seen,
        count(l.failed_at) FILTER (
            WHERE coalesce(l.acknowledged_at, l.received_at, l.pushed_at) IS NULL) AS failed
    FROM alert l WHERE l.emergency_id = e.id AND l.wave IS NOT NULL
) AS c;
