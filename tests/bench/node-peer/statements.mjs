// The statements about emergencies. Each is one round trip, and each change is one transaction.

import { statement } from './database.mjs';

const LIVE = `e.status IN ('active', 'responding')`;
const point = (latitude, longitude) => `ST_SetSRID(ST_MakePoint(${longitude}, ${latitude}), 4326)::geography`;

/** What belongs to an emergency `e`, beside its own columns. */
const BESIDES = `
  (SELECT coalesce(json_agg(json_build_object(
      'helper', json_build_object('id', u.id, '_id', u.id,
        'profile', json_build_object('firstName', u.first_name, 'lastName', u.last_name), 'trustScore', u.trust_score,
        'helperRating', json_build_object('average', coalesce(u.rating_sum::float8 / nullif(u.rating_count, 0), 0),
          'count', u.rating_count)),
      'status', r.status, 'notes', r.notes, 'estimatedArrival', r.estimated_arrival, 'respondedAt', r.responded_at,
      'updatedAt', r.updated_at) ORDER BY r.responded_at), '[]')
   FROM responses r JOIN users u ON u.id = r.helper_id WHERE r.emergency_id = e.id) AS responses,
  a.alerted, a.acknowledged, a.declined, o.first_name AS owner_first_name, o.last_name AS owner_last_name`;
const JOINED = `
  JOIN users o ON o.id = e.owner_id
  CROSS JOIN LATERAL (SELECT count(*) AS alerted, count(acknowledged_at) AS acknowledged, count(declined_at) AS declined
                      FROM alerts WHERE emergency_id = e.id) a`;

const ON_DUTY = `u.is_active AND u.verification = 'verified' AND u.available`;

export const helperCounts = statement(
  'helper_counts',
  `WITH found AS MATERIALIZED (
     SELECT u.id, ST_Distance(p.place, ${point('$1', '$2')}) AS distance
     FROM positions p JOIN users u ON u.id = p.user_id
     WHERE ST_DWithin(p.place, ${point('$1', '$2')}, 15000) AND p.updated_at >= now() - interval '24 hours'
       AND u.id <> $3 AND ${ON_DUTY}
   )
   SELECT count(*) FILTER (WHERE distance <= 5000) AS within_5, count(*) FILTER (WHERE distance <= 10000) AS within_10,
     count(*) AS within_15,
     (SELECT json_agg(n) FROM (SELECT id, distance FROM found ORDER BY distance LIMIT 50) n) AS nearest
   FROM found`,
);

export const raise = statement(
  'raise',
  `WITH emergency AS (
     INSERT INTO emergencies (id, owner_id, request_id, type, category, description, latitude, longitude, place, address,
       place_description, priority, severity, silent_mode, anonymous_mode, status, alert_radius, created_at, updated_at)
     VALUES ($1, $2, $3, $4, $5, $6, $7::float8, $8::float8, ${point('$7', '$8')}, $9, $10, $11, $12, $13, $14, 'active', $15,
       $16, $16)
   ), alert AS (
     INSERT INTO alerts (emergency_id, helper_id, distance, sent_at)
     SELECT $1, helper, distance, $16 FROM unnest($17::uuid[], $18::float8[]) AS n (helper, distance)
   ), receipt AS (
     INSERT INTO messages (id, emergency_id, sender_role, recipient_id, body, created_at)
     VALUES ($19, $1, 'system', $2, $20, $16)
   )
   INSERT INTO events (emergency_id, actor_id, name, data, at)
   SELECT $1, $2, name, data, $16 FROM unnest($21::text[], $22::jsonb[]) AS v (name, data) RETURNING id`,
);

export const cancel = statement(
  'cancel',
  `WITH e AS (
     UPDATE emergencies e SET status = 'cancelled', resolved_at = $3, resolved_by = $2, resolution_notes = $4, updated_at = $3
     WHERE e.id = $1 AND e.owner_id = $2 AND ${LIVE} RETURNING e.*
   ), happened AS (
     INSERT INTO events (emergency_id, actor_id, name, data, at)
     SELECT e.id, $2, v.name, v.data, $3 FROM e CROSS JOIN (VALUES
       ('emergency:cancelled', jsonb_build_object('emergencyId', $1, 'reason', $4::text, 'timestamp', $3::timestamptz)),
       ('emergency:ended', jsonb_build_object('emergencyId', $1, 'status', 'cancelled', 'timestamp', $3::timestamptz))
     ) AS v (name, data) RETURNING id
   )
   SELECT e.*, ${BESIDES}, (SELECT array_agg(id ORDER BY id) FROM happened) AS event_ids,
     (SELECT coalesce(json_agg(helper_id), '[]') FROM alerts WHERE emergency_id = $1) AS alerted_helpers
   FROM e ${JOINED}`,
);

export const find = statement('find', `SELECT e.*, ${BESIDES} FROM emergencies e ${JOINED} WHERE e.id = $1`);

export const findByOwner = statement(
  'find_by_owner',
  `SELECT e.*, ${BESIDES} FROM emergencies e ${JOINED}
   WHERE e.owner_id = $1 AND (e.request_id = $2 OR ${LIVE}) ORDER BY e.request_id = $2 DESC NULLS LAST LIMIT 1`,
);

export const liveOf = statement(
  'live_of',
  `SELECT e.id FROM emergencies e WHERE e.owner_id = $1 AND ${LIVE}
   UNION SELECT e.id FROM responses r JOIN emergencies e ON e.id = r.emergency_id
   WHERE r.helper_id = $1 AND r.status <> 'cancelled' AND ${LIVE}`,
);

export const nearby = statement(
  'nearby',
  `SELECT e.*, ${BESIDES}, ST_Distance(e.place, ${point('$1', '$2')}) AS distance FROM emergencies e ${JOINED}
   WHERE ${LIVE} AND ST_DWithin(e.place, ${point('$1', '$2')}, $3) ORDER BY distance, e.id LIMIT $4`,
);

export const pending = statement(
  'pending',
  `SELECT e.*, ${BESIDES}, ST_Distance(e.place, p.place) AS distance
   FROM positions p JOIN emergencies e ON ST_DWithin(e.place, p.place, 15000) ${JOINED}
   WHERE p.user_id = $1 AND ${LIVE} AND ST_DWithin(e.place, p.place, e.alert_radius) AND e.owner_id <> $1
     AND NOT EXISTS (SELECT FROM responses r WHERE r.emergency_id = e.id AND r.helper_id = $1 AND r.status <> 'cancelled')
     AND NOT EXISTS (SELECT FROM alerts d WHERE d.emergency_id = e.id AND d.helper_id = $1 AND d.declined_at IS NOT NULL)
   ORDER BY distance, e.id LIMIT 50`,
);

export const history = statement(
  'history',
  `SELECT e.*, ${BESIDES} FROM (
     (SELECT id FROM emergencies WHERE owner_id = $1 AND created_at < coalesce($2, 'infinity'::timestamptz)
        AND status = coalesce($3, status) ORDER BY created_at DESC LIMIT $4)
     UNION
     (SELECT o.id FROM responses r JOIN emergencies o ON o.id = r.emergency_id
      WHERE r.helper_id = $1 AND r.status <> 'cancelled' AND o.created_at < coalesce($2, 'infinity'::timestamptz)
        AND o.status = coalesce($3, o.status) ORDER BY o.created_at DESC LIMIT $4)
   ) part JOIN emergencies e ON e.id = part.id ${JOINED} ORDER BY e.created_at DESC, e.id DESC LIMIT $4`,
);

/** Numbers of available helpers by distance, and who they are. */
export const helpersAround = statement(
  'helpers_around',
  `SELECT count(*) FILTER (WHERE distance <= 500)::int AS within_500,
     count(*) FILTER (WHERE distance <= 1000)::int AS within_1000,
     count(*) FILTER (WHERE distance <= 2000)::int AS within_2000,
     count(*)::int AS within_5000, coalesce(array_agg(id), '{}') AS ids
   FROM (
     SELECT u.id, ST_Distance(p.place, ${point('$1', '$2')}, false) AS distance
     FROM positions p JOIN users u ON u.id = p.user_id
     WHERE ST_DWithin(p.place, ${point('$1', '$2')}, 5000, false) AND p.updated_at >= now() - interval '24 hours'
       AND u.id <> $3 AND ${ON_DUTY}
   ) near`,
);

/** The positions of some helpers. */
export const distancesTo = statement(
  'distances_to',
  `SELECT user_id, ST_Distance(place, ${point('$1', '$2')}) AS distance FROM positions WHERE user_id = ANY($3)`,
);

export const messages = statement(
  'messages',
  `SELECT * FROM (
     SELECT m.*, s.first_name, s.last_name, e.owner_id, e.anonymous_mode
     FROM messages m JOIN emergencies e ON e.id = m.emergency_id LEFT JOIN users s ON s.id = m.sender_id
     WHERE m.emergency_id = $1 AND (m.recipient_id IS NULL OR m.recipient_id = $2 OR m.sender_id = $2)
       AND m.created_at < coalesce($3, 'infinity'::timestamptz)
     ORDER BY m.created_at DESC, m.id DESC LIMIT $4
   ) page ORDER BY created_at, id`,
);

export const timeline = statement(
  'timeline',
  `SELECT id AS "eventId", name AS event, at, actor_id AS actor, data FROM events WHERE emergency_id = $1 ORDER BY id`,
);

export const acknowledge = statement(
  'acknowledge',
  `UPDATE alerts SET acknowledged_at = now() WHERE emergency_id = $1 AND helper_id = $2 AND acknowledged_at IS NULL`,
);

export const report = statement(
  'report',
  `INSERT INTO positions (user_id, place, updated_at) VALUES ($1, ${point('$2', '$3')}, now())
   ON CONFLICT (user_id) DO UPDATE SET place = excluded.place, updated_at = excluded.updated_at`,
);
