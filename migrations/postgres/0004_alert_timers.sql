-- The timer of the next wave of alerts is a row, so that it survives a restart and any node may find it due. It runs
-- only while nobody responds.

ALTER TABLE emergency
    ADD COLUMN next_alert_at timestamptz,
    ADD CONSTRAINT emergency_next_alert CHECK (next_alert_at IS NULL OR status = 'active');

-- Those that wait since before there were timers have waited long enough.
UPDATE emergency SET next_alert_at = updated_at WHERE status = 'active';

CREATE INDEX emergency_due ON emergency (next_alert_at, id) WHERE next_alert_at IS NOT NULL;

CREATE OR REPLACE FUNCTION raise_emergency(w jsonb) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO emergency (id, owner_id, request_id, kind, category, description, latitude, longitude, address,
        place_description, priority, severity, silent, anonymous, status, alert_radius, wave, created_at, updated_at,
        first_response_at, ended_at, ended_by, resolution, ending_notes, next_alert_at, revision)
    SELECT id, owner_id, request_id, kind, category, description, latitude, longitude, address,
        place_description, priority, severity, silent, anonymous, status, alert_radius, wave, created_at, updated_at,
        first_response_at, ended_at, ended_by, resolution, ending_notes, next_alert_at, revision
    FROM jsonb_populate_record(NULL::emergency, w);
END $$;

CREATE OR REPLACE FUNCTION update_emergency(w jsonb) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    new emergency := jsonb_populate_record(NULL::emergency, w - 'responses');
BEGIN
    UPDATE emergency e SET
        status = new.status, alert_radius = new.alert_radius, updated_at = new.updated_at,
        first_response_at = new.first_response_at, ended_at = new.ended_at, ended_by = new.ended_by,
        resolution = new.resolution, ending_notes = new.ending_notes, next_alert_at = new.next_alert_at,
        revision = e.revision + 1
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

CREATE FUNCTION acknowledge_alert(w jsonb, at timestamptz) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    UPDATE alert SET acknowledged_at = at
    WHERE emergency_id = (w ->> 'emergency_id')::uuid AND helper_id = (w ->> 'helper_id')::uuid
        AND wave IS NOT NULL AND acknowledged_at IS NULL;
    IF NOT FOUND THEN
        PERFORM raise_stale();
    END IF;
END $$;

CREATE OR REPLACE FUNCTION apply_write(w jsonb, at timestamptz) RETURNS void LANGUAGE plpgsql AS $$
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
        WHEN 'acknowledge_alert' THEN PERFORM acknowledge_alert(w, at);
        WHEN 'set_declined' THEN PERFORM set_declined(w, at);
        WHEN 'add_trust' THEN PERFORM add_trust(w);
        WHEN 'post_message' THEN PERFORM post_message(w);
        WHEN 'delete_message' THEN PERFORM delete_message(w);
        WHEN 'add_rating' THEN PERFORM add_rating(w, at);
        WHEN 'add_report' THEN PERFORM add_report(w, at);
    END CASE;
END $$;
