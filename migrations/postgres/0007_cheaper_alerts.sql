-- A wave of alerts is fifty rows in the moment somebody calls for help, so each is written as cheaply as can be.

-- Accounts are never deleted, and whoever writes alerts of an emergency holds its row locked and has found it there:
-- looking up both for each row again would cost more than the rows.
ALTER TABLE alert DROP CONSTRAINT alert_emergency, DROP CONSTRAINT alert_helper;

-- An event that names everyone who was alerted takes some kilobytes, and is read by every node a moment later: it
-- stays in its row as it is, neither compressed nor moved out.
ALTER TABLE event SET (toast_tuple_target = 8160);

CREATE OR REPLACE FUNCTION delete_emergency(w jsonb) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    gone uuid := w ->> 'emergency_id';
BEGIN
    INSERT INTO erasure (emergency_id, deleted_at) SELECT id, now() FROM emergency WHERE id = gone;
    DELETE FROM alert WHERE emergency_id = gone;
    DELETE FROM emergency WHERE id = gone;
END $$;

-- Whoever is alerted again stays in the wave that alerted them first. The first wave meets nobody.
CREATE OR REPLACE FUNCTION send_alerts(w jsonb, at timestamptz) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    emergency uuid := w ->> 'emergency_id';
    number integer := w ->> 'wave';
    known integer;
BEGIN
    SELECT e.wave INTO known FROM emergency e WHERE e.id = emergency;
    IF NOT FOUND THEN
        PERFORM raise_stale();
    END IF;
    IF known < number THEN
        UPDATE emergency e SET wave = number WHERE e.id = emergency;
    END IF;
    IF EXISTS (SELECT FROM alert a WHERE a.emergency_id = emergency) THEN
        INSERT INTO alert AS a (emergency_id, helper_id, wave, distance, sent_at)
        SELECT emergency, r.helper, number, r.distance, at
        FROM jsonb_to_recordset(w -> 'recipients') AS r (helper uuid, distance double precision)
        ON CONFLICT ON CONSTRAINT alert_pkey DO UPDATE SET
            wave = coalesce(a.wave, excluded.wave), distance = coalesce(a.distance, excluded.distance),
            sent_at = excluded.sent_at;
    ELSE
        INSERT INTO alert (emergency_id, helper_id, wave, distance, sent_at)
        SELECT emergency, r.helper, number, r.distance, at
        FROM jsonb_to_recordset(w -> 'recipients') AS r (helper uuid, distance double precision);
    END IF;
END $$;

CREATE OR REPLACE FUNCTION set_declined(w jsonb, at timestamptz) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    emergency uuid := w ->> 'emergency_id';
    helper uuid := w ->> 'helper_id';
BEGIN
    PERFORM FROM emergency e WHERE e.id = emergency;
    IF NOT FOUND THEN
        PERFORM raise_stale();
    END IF;
    IF (w ->> 'declined')::boolean THEN
        INSERT INTO alert AS a (emergency_id, helper_id, declined_at) VALUES (emergency, helper, at)
        ON CONFLICT ON CONSTRAINT alert_pkey DO UPDATE SET declined_at = coalesce(a.declined_at, excluded.declined_at);
    ELSE
        DELETE FROM alert WHERE emergency_id = emergency AND helper_id = helper AND wave IS NULL;
        UPDATE alert SET declined_at = NULL
        WHERE emergency_id = emergency AND helper_id = helper AND declined_at IS NOT NULL;
    END IF;
END $$;

-- As before, but the emergencies are looked up by an array, for which there is one plan and a cheap one.
CREATE OR REPLACE FUNCTION apply_change(change jsonb) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    decided_at timestamptz := change ->> 'at';
    locked uuid[] := ARRAY (SELECT e::uuid FROM jsonb_array_elements_text(change -> 'emergencies') AS e);
    w jsonb;
BEGIN
    PERFORM pg_current_xact_id();
    PERFORM FROM emergency WHERE id = ANY (locked) ORDER BY id FOR NO KEY UPDATE;
    FOR w IN SELECT value FROM jsonb_array_elements(change -> 'writes') WITH ORDINALITY ORDER BY ordinality LOOP
        PERFORM apply_write(w, decided_at);
    END LOOP;
    INSERT INTO event (at, emergency_id, actor_id, kind, body)
    SELECT e.at, e.emergency_id, e.actor_id, e.kind, e.body
    FROM ROWS FROM (
        jsonb_to_recordset(change -> 'events')
            AS (at timestamptz, emergency_id uuid, actor_id uuid, kind text, body jsonb)
    ) WITH ORDINALITY AS e (at, emergency_id, actor_id, kind, body, ordinality)
    ORDER BY e.ordinality;
END $$;
