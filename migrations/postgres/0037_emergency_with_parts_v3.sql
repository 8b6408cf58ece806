-- How helpers travel, what dispatch keeps of a response, and whether a place follows its owner; and the view of emergencies (0008) with them. The release before goes on
-- reading the view before.

-- All tables that are altered below, in the order in which changes and positions lock them: the emergency comes first, and the account after
-- what has a key of it. Or this waits for a running node that waits for this.
LOCK TABLE emergency, response, position, account IN ACCESS EXCLUSIVE MODE;

ALTER TABLE account ADD COLUMN transport text NOT NULL DEFAULT 'foot'
    CONSTRAINT account_transport CHECK (transport IN ('foot', 'bike', 'car'));
-- Read by the domain only (crates/domain/src/emergency/response.rs). Null for the default.
ALTER TABLE response ADD COLUMN dispatch jsonb;
-- The same, of a place that follows its owner (crates/domain/src/emergency/call.rs). Null for one that stays.
ALTER TABLE emergency ADD COLUMN movement jsonb;

-- A copy, as `duty` is, so that a search for helpers reads no other table.
ALTER TABLE position ADD COLUMN transport text NOT NULL DEFAULT 'foot';

CREATE FUNCTION copy_transport_to_position() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    UPDATE position p SET transport = NEW.transport WHERE p.account_id = NEW.id;
    RETURN NULL;
END $$;
CREATE TRIGGER account_transport AFTER UPDATE OF transport ON account
    FOR EACH ROW WHEN (OLD.transport IS DISTINCT FROM NEW.transport)
    EXECUTE FUNCTION copy_transport_to_position();

-- As before (0023), and the new copy.
CREATE OR REPLACE FUNCTION copy_duty_from_account() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    UPDATE position p SET duty = duty(a), proven_at = proven_at(a), away_from = a.away_from, away_until = a.away_until,
        away_from_critical = a.away_from_critical, max_alerts_per_day = a.max_alerts_per_day,
        paused_until = paused_until_v1(a.alert_preferences), transport = a.transport
    FROM (SELECT * FROM account WHERE id = NEW.account_id FOR SHARE) AS a
    WHERE p.account_id = NEW.account_id;
    RETURN NULL;
END $$;

CREATE VIEW emergency_with_parts_v3 AS
SELECT
    e.id, e.owner_id, o.first_name, o.last_name, e.request_id, e.kind, e.category, e.description, e.latitude,
    e.longitude, e.address, e.place_description, e.priority, e.severity, e.silent, e.anonymous, e.status,
    e.alert_radius, e.wave, e.next_alert_at, e.resume_at, e.renewed_at, e.search::text AS search,
    e.movement::text AS movement, e.created_at, e.updated_at, e.first_response_at, e.ended_at, e.ended_by, e.resolution, e.ending_notes, e.revision, c.alerted,
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
            'dispatch', r.dispatch, 'transport', a.transport,
            'latitude', p.latitude, 'longitude', p.longitude, 'located_at', p.at,
            'blocks', CASE WHEN r.status <> 'cancelled' THEN blocks_of_v1(r.helper_id) END
        ) ORDER BY r.first_responded_at, r.ordinal), '[]')::text
        FROM response r JOIN account a ON a.id = r.helper_id LEFT JOIN position p ON p.account_id = r.helper_id
        WHERE r.emergency_id = e.id
    ) AS responses
FROM emergency e
JOIN account o ON o.id = e.owner_id
CROSS JOIN LATERAL (
    -- What was declined was seen, what was seen was delivered, and what was delivered was sent.
    SELECT count(*) AS alerted, count(coalesce(l.acknowledged_at, l.seen_at, l.declined_at)) AS acknowledged,
        count(l.declined_at) AS declined,
        count(coalesce(l.acknowledged_at, l.seen_at, l.declined_at, l.received_at, l.pushed_at)) AS sent,
        count(coalesce(l.seen_at, l.declined_at)) AS seen,
        count(l.failed_at) FILTER (
            WHERE coalesce(l.acknowledged_at, l.seen_at, l.declined_at, l.received_at, l.pushed_at) IS NULL) AS failed
    FROM alert l WHERE l.emergency_id = e.id AND l.wave IS NOT NULL
) AS c;
