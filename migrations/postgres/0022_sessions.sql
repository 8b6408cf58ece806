-- What users are told about their sessions.

ALTER TABLE session
    -- The program that got the last tokens, as it named itself.
    ADD COLUMN user_agent text CONSTRAINT session_user_agent CHECK (length(user_agent) <= 200),
    -- NULL until the first refresh.
    ADD COLUMN last_used_at timestamptz;

-- As version 1, and notes the use. Version 1 holds the lock of the session when it finds one.
CREATE FUNCTION confirm_refresh_token_v2(
    _session uuid, _token uuid, _parent uuid, _successor uuid, _at timestamptz, _repeats_since timestamptz, _user_agent text
) RETURNS TABLE (successor uuid, presented_at timestamptz) ROWS 1 LANGUAGE plpgsql AS $$
DECLARE
    confirmed record;
BEGIN
    SELECT c.successor, c.presented_at INTO confirmed
    FROM confirm_refresh_token_v1(_session, _token, _parent, _successor, _at, _repeats_since) c;
    IF NOT FOUND THEN
        RETURN;
    END IF;
    -- Not a repetition, which is no use.
    IF confirmed.successor = _successor THEN
        UPDATE session s SET last_used_at = _at, user_agent = coalesce(_user_agent, s.user_agent) WHERE s.id = _session;
    END IF;
    RETURN QUERY SELECT confirmed.successor, confirmed.presented_at;
END
$$;

-- Commits a change with writes that `apply_change_v2` does not know: `account_writes`, made by crates/postgres/src/account_writes.rs.
CREATE FUNCTION apply_account_change_v1(change jsonb, account_writes jsonb) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    w jsonb;
BEGIN
    PERFORM apply_change_v2(change);
    FOR w IN SELECT value FROM jsonb_array_elements(account_writes) WITH ORDINALITY ORDER BY ordinality LOOP
        CASE w ->> 'op'
        WHEN 'describe_session' THEN
            UPDATE session SET user_agent = w ->> 'user_agent' WHERE id = (w ->> 'id')::uuid;
        ELSE
            RAISE EXCEPTION 'apply_account_change_v1: unknown write %', w ->> 'op' USING ERRCODE = 'AN002';
        END CASE;
    END LOOP;
END
$$;
