-- What keeps strangers out of an account, and its owner in.

-- The refresh tokens that were presented in the last seconds, with the successor that each was exchanged for: a token that is
-- presented again has the same one.
CREATE TABLE refresh_presentation (
    session_id uuid NOT NULL CONSTRAINT refresh_presentation_session REFERENCES session ON DELETE CASCADE,
    token uuid NOT NULL,
    successor uuid NOT NULL,
    presented_at timestamptz NOT NULL,
    CONSTRAINT refresh_presentation_pkey PRIMARY KEY (session_id, token)
);

-- Confirms a refresh token. No row: the session is unknown or revoked. Nulls: the token was replaced.
--
-- PL/pgSQL, because each statement has to see what was committed while the one before waited for the lock of the session.
-- The columns of the table are qualified; names with an underscore in front are parameters.
CREATE FUNCTION confirm_refresh_token_v1(
    _session uuid, _token uuid, _parent uuid, _successor uuid, _at timestamptz, _repeats_since timestamptz
) RETURNS TABLE (successor uuid, presented_at timestamptz) ROWS 1 LANGUAGE plpgsql AS $$
DECLARE
    confirmed uuid;
BEGIN
    SELECT s.confirmed_token INTO confirmed FROM session s
    WHERE s.id = _session AND s.revoked_at IS NULL FOR NO KEY UPDATE;
    IF NOT FOUND THEN
        RETURN;
    END IF;

    RETURN QUERY SELECT p.successor, p.presented_at FROM refresh_presentation p
        WHERE p.session_id = _session AND p.token = _token AND p.presented_at >= _repeats_since;
    IF FOUND THEN
        RETURN;
    END IF;

    IF confirmed <> _token AND confirmed IS DISTINCT FROM _parent THEN
        RETURN QUERY SELECT NULL::uuid, NULL::timestamptz;
        RETURN;
    END IF;
    IF confirmed <> _token THEN
        UPDATE session s SET confirmed_token = _token WHERE s.id = _session;
    END IF;
    -- Keeps the table small: no row is needed after a few seconds. It also deletes an older one of this token.
    DELETE FROM refresh_presentation p WHERE p.session_id = _session AND p.presented_at < _repeats_since;
    INSERT INTO refresh_presentation (session_id, token, successor, presented_at)
        VALUES (_session, _token, _successor, _at);
    RETURN QUERY SELECT _successor, _at;
END
$$;

-- The addresses from which an account logged in, under a keyed hash: failed logins from elsewhere do not keep its owner out.
CREATE TABLE login_address (
    account_id uuid NOT NULL CONSTRAINT login_address_account REFERENCES account ON DELETE CASCADE,
    address_hash uuid NOT NULL,
    last_login_at timestamptz NOT NULL,
    CONSTRAINT login_address_pkey PRIMARY KEY (account_id, address_hash)
);

-- Failed logins. The account is the keyed hash of the email that was given, whether there is an account or not. Rows that do
-- not count any more are deleted by later ones.
CREATE TABLE login_failure (
    id bigint GENERATED ALWAYS AS IDENTITY CONSTRAINT login_failure_pkey PRIMARY KEY,
    account_hash uuid NOT NULL,
    address_hash uuid NOT NULL,
    failed_at timestamptz NOT NULL
);
-- The failures of one address, and of all.
CREATE INDEX login_failure_by_address ON login_failure (account_hash, address_hash, failed_at);
CREATE INDEX login_failure_by_account ON login_failure (account_hash, failed_at);
-- The oldest, to be deleted.
CREATE INDEX login_failure_by_age ON login_failure (failed_at);
