-- What an account may do is decided on the account as it was read; the change is made on condition that this is still so.

CREATE FUNCTION expect_account(w jsonb) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    expected account := jsonb_populate_record(NULL::account, w);
BEGIN
    PERFORM FROM account a
    WHERE a.id = expected.id AND a.role = expected.role AND a.blocked = expected.blocked
        AND a.verification IS NOT DISTINCT FROM expected.verification
        AND a.available IS NOT DISTINCT FROM expected.available AND a.skills = expected.skills
    FOR NO KEY UPDATE;
    IF NOT FOUND THEN
        PERFORM raise_stale();
    END IF;
END $$;

CREATE OR REPLACE FUNCTION apply_write(w jsonb, at timestamptz) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    CASE w ->> 'op'
        WHEN 'register_account' THEN PERFORM register_account(w);
        WHEN 'open_session', 'revoke_sessions' THEN PERFORM write_session(w, at);
        WHEN 'expect_account' THEN PERFORM expect_account(w);
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
