-- A whole change in one statement, and so in one round trip and one transaction: `apply_change`. It is told what to
-- do as JSON whose keys are the columns. What the program has to tell apart is raised with a code of its own:
-- AN001, the stored revision is another. All are PL/pgSQL, which keeps its plans for the life of a connection.

CREATE FUNCTION raise_stale() RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'the stored revision is another' USING ERRCODE = 'AN001';
END $$;

CREATE FUNCTION register_account(w jsonb) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO account (id, email, password_hash, first_name, last_name, phone, avatar, bio, role, blocked,
        verification, available, skills, trust_score, rating_sum, rating_count, created_at)
    SELECT id, email, password_hash, first_name, last_name, phone, avatar, bio, role, blocked,
        verification, available, skills, trust_score, rating_sum, rating_count, created_at
    FROM jsonb_populate_record(NULL::account, w);
END $$;

CREATE FUNCTION raise_emergency(w jsonb) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO emergency (id, owner_id, request_id, kind, category, description, latitude, longitude, address,
        place_description, priority, severity, silent, anonymous, status, alert_radius, wave, created_at, updated_at,
        first_response_at, ended_at, ended_by, resolution, ending_notes, revision)
    SELECT id, owner_id, request_id, kind, category, description, latitude, longitude, address,
        place_description, priority, severity, silent, anonymous, status, alert_radius, wave, created_at, updated_at,
        first_response_at, ended_at, ended_by, resolution, ending_notes, revision
    FROM jsonb_populate_record(NULL::emergency, w);
END $$;

CREATE FUNCTION write_responses(w jsonb) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO response (emergency_id, helper_id, status, notes, estimated_arrival, first_responded_at,
        responded_at, updated_at, engaged)
    SELECT (w ->> 'id')::uuid, helper_id, status, notes, estimated_arrival, responded_at,
        responded_at, updated_at, engaged
    FROM jsonb_populate_recordset(NULL::response, w -> 'responses')
    ON CONFLICT ON CONSTRAINT response_pkey DO UPDATE SET
        status = excluded.status, notes = excluded.notes, estimated_arrival = excluded.estimated_arrival,
        responded_at = excluded.responded_at, updated_at = excluded.updated_at, engaged = excluded.engaged;
END $$;

CREATE FUNCTION update_emergency(w jsonb) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    new emergency := jsonb_populate_record(NULL::emergency, w - 'responses');
BEGIN
    UPDATE emergency e SET
        status = new.status, alert_radius = new.alert_radius, updated_at = new.updated_at,
        first_response_at = new.first_response_at, ended_at = new.ended_at, ended_by = new.ended_by,
        resolution = new.resolution, ending_notes = new.ending_notes, revision = e.revision + 1
    WHERE e.id = new.id AND e.revision = new.revision;
    IF NOT FOUND THEN
        PERFORM raise_stale();
    END IF;
    IF jsonb_array_length(w -> 'responses') > 0 THEN
        PERFORM write_responses(w);
    END IF;
    IF new.ended_at IS NOT NULL THEN
        UPDATE response SET engaged = false WHERE emergency_id = new.id AND engaged;
    END IF;
END $$;

CREATE FUNCTION expect_revision(w jsonb) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    PERFORM FROM emergency WHERE id = (w ->> 'emergency_id')::uuid AND revision = (w ->> 'revision')::bigint;
    IF NOT FOUND THEN
        PERFORM raise_stale();
    END IF;
END $$;

-- What hangs on the row goes with it; the log does not hang on it.
CREATE FUNCTION delete_emergency(w jsonb) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    DELETE FROM event WHERE emergency_id = (w ->> 'emergency_id')::uuid;
    DELETE FROM emergency WHERE id = (w ->> 'emergency_id')::uuid;
END $$;

-- Whoever is alerted again stays in the wave that alerted them first.
CREATE FUNCTION send_alerts(w jsonb, at timestamptz) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    UPDATE emergency SET wave = greatest(wave, (w ->> 'wave')::integer) WHERE id = (w ->> 'emergency_id')::uuid;
    INSERT INTO alert (emergency_id, helper_id, wave, distance, sent_at)
    SELECT (w ->> 'emergency_id')::uuid, r.helper, (w ->> 'wave')::integer, r.distance, at
    FROM jsonb_to_recordset(w -> 'recipients') AS r (helper uuid, distance double precision)
    ON CONFLICT ON CONSTRAINT alert_pkey DO UPDATE SET
        wave = coalesce(alert.wave, excluded.wave), distance = coalesce(alert.distance, excluded.distance),
        sent_at = excluded.sent_at;
END $$;

CREATE FUNCTION set_declined(w jsonb, at timestamptz) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    emergency uuid := w ->> 'emergency_id';
    helper uuid := w ->> 'helper_id';
BEGIN
    IF (w ->> 'declined')::boolean THEN
        INSERT INTO alert AS a (emergency_id, helper_id, declined_at) VALUES (emergency, helper, at)
        ON CONFLICT ON CONSTRAINT alert_pkey DO UPDATE SET declined_at = coalesce(a.declined_at, excluded.declined_at);
    ELSE
        DELETE FROM alert WHERE emergency_id = emergency AND helper_id = helper AND wave IS NULL;
        UPDATE alert SET declined_at = NULL
        WHERE emergency_id = emergency AND helper_id = helper AND declined_at IS NOT NULL;
    END IF;
END $$;

-- The rows are locked in one order, or two emergencies with the same helpers could block each other for good.
CREATE FUNCTION add_trust(w jsonb) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    WITH helper AS (
        SELECT id FROM account
        WHERE id IN (SELECT h::uuid FROM jsonb_array_elements_text(w -> 'helpers') AS h)
        ORDER BY id FOR NO KEY UPDATE
    )
    UPDATE account a SET trust_score = least(a.trust_score + (w ->> 'by')::integer, (w ->> 'max')::integer)
    FROM helper WHERE a.id = helper.id;
END $$;

CREATE FUNCTION post_message(w jsonb) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO message (id, emergency_id, sender_role, sender_id, recipient, recipient_id, body, created_at)
    SELECT id, emergency_id, sender_role, sender_id, recipient, recipient_id, body, created_at
    FROM jsonb_populate_record(NULL::message, w);
END $$;

-- The log holds the text too, and must not keep it.
CREATE FUNCTION delete_message(w jsonb) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    DELETE FROM message WHERE id = (w ->> 'id')::uuid AND emergency_id = (w ->> 'emergency_id')::uuid;
    DELETE FROM event
    WHERE emergency_id = (w ->> 'emergency_id')::uuid AND kind = 'message_posted'
        AND body -> 'message' ->> 'id' = w ->> 'id';
END $$;

CREATE FUNCTION add_rating(w jsonb, at timestamptz) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO rating (emergency_id, helper_id, score, comment, created_at)
    SELECT emergency_id, helper_id, score, comment, at FROM jsonb_populate_record(NULL::rating, w);
    UPDATE account SET rating_sum = rating_sum + (w ->> 'score')::integer, rating_count = rating_count + 1
    WHERE id = (w ->> 'helper_id')::uuid;
END $$;

CREATE FUNCTION add_report(w jsonb, at timestamptz) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO report (emergency_id, reporter_id, about_id, reason, created_at)
    SELECT emergency_id, reporter_id, about_id, reason, at FROM jsonb_populate_record(NULL::report, w);
END $$;

CREATE FUNCTION write_account(w jsonb, at timestamptz) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    account_id uuid := w ->> 'account_id';
    new account := jsonb_populate_record(NULL::account, w);
BEGIN
    CASE w ->> 'op'
        WHEN 'set_password' THEN
            UPDATE account SET password_hash = new.password_hash WHERE id = account_id;
        WHEN 'set_helper' THEN
            UPDATE account SET verification = coalesce(verification, new.verification), available = new.available,
                skills = new.skills, role = new.role
            WHERE id = account_id;
        WHEN 'set_verification' THEN
            UPDATE account SET verification = new.verification WHERE id = account_id AND verification IS NOT NULL;
        WHEN 'set_blocked' THEN
            UPDATE account SET blocked = new.blocked, blocked_reason = new.blocked_reason WHERE id = account_id;
    END CASE;
END $$;

CREATE FUNCTION write_session(w jsonb, at timestamptz) RETURNS void LANGUAGE plpgsql AS $$
#variable_conflict use_column
BEGIN
    CASE w ->> 'op'
        WHEN 'open_session' THEN
            INSERT INTO session (id, account_id, confirmed_token, created_at)
            SELECT id, account_id, confirmed_token, created_at FROM jsonb_populate_record(NULL::session, w);
        WHEN 'revoke_sessions' THEN
            UPDATE session SET revoked_at = write_session.at
            WHERE account_id = (w ->> 'account_id')::uuid AND revoked_at IS NULL
                AND ((w ->> 'only') IS NULL OR id = (w ->> 'only')::uuid)
                AND ((w ->> 'except') IS NULL OR id <> (w ->> 'except')::uuid);
    END CASE;
END $$;

CREATE FUNCTION apply_write(w jsonb, at timestamptz) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    CASE w ->> 'op'
        WHEN 'register_account' THEN PERFORM register_account(w);
        WHEN 'open_session', 'revoke_sessions' THEN PERFORM write_session(w, at);
        WHEN 'set_password', 'set_helper', 'set_verification', 'set_blocked' THEN PERFORM write_account(w, at);
        WHEN 'raise_emergency' THEN PERFORM raise_emergency(w);
        WHEN 'update_emergency' THEN PERFORM update_emergency(w);
        WHEN 'expect_revision' THEN PERFORM expect_revision(w);
        WHEN 'delete_emergency' THEN PERFORM delete_emergency(w);
        WHEN 'send_alerts' THEN PERFORM send_alerts(w, at);
        WHEN 'set_declined' THEN PERFORM set_declined(w, at);
        WHEN 'add_trust' THEN PERFORM add_trust(w);
        WHEN 'post_message' THEN PERFORM post_message(w);
        WHEN 'delete_message' THEN PERFORM delete_message(w);
        WHEN 'add_rating' THEN PERFORM add_rating(w, at);
        WHEN 'add_report' THEN PERFORM add_report(w, at);
    END CASE;
END $$;

-- Three orders matter. The transaction id comes before the first event number, or a reader of the log could pass an
-- event that is still being committed. The emergencies are locked before that number is drawn, so that the numbers
-- of one emergency's events follow the order of commits. And events come last, so that a change which breaks a rule
-- draws no number, and leaves no gap for readers to wait at.
CREATE FUNCTION apply_change(change jsonb) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    decided_at timestamptz := change ->> 'at';
    w jsonb;
BEGIN
    PERFORM pg_current_xact_id();
    PERFORM FROM emergency
        WHERE id IN (SELECT e::uuid FROM jsonb_array_elements_text(change -> 'emergencies') AS e)
        ORDER BY id FOR NO KEY UPDATE;
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

-- Counting and adding are one step for the account, whose row is locked meanwhile.
CREATE FUNCTION add_contact(owner uuid, id uuid, name text, email text, created_at timestamptz, most integer)
RETURNS boolean LANGUAGE plpgsql AS $$
#variable_conflict use_variable
BEGIN
    PERFORM FROM account a WHERE a.id = owner FOR NO KEY UPDATE;
    IF NOT FOUND OR (SELECT count(*) FROM contact c WHERE c.account_id = owner) >= most THEN
        RETURN false;
    END IF;
    INSERT INTO contact (id, account_id, name, email, created_at) VALUES (id, owner, name, email, created_at);
    RETURN true;
END $$;
