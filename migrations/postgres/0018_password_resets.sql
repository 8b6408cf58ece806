-- Emails to users, the first of which resets a forgotten password.

-- The language of messages to the user.
ALTER TABLE account ADD COLUMN locale text NOT NULL DEFAULT 'en'
    CONSTRAINT account_locale CHECK (locale IN ('en', 'de'));

-- Tokens with which a forgotten password is replaced. A row stays for a day, since the tokens of a day are counted.
CREATE TABLE password_reset (
    account_id uuid NOT NULL CONSTRAINT password_reset_account REFERENCES account ON DELETE CASCADE,
    created_at timestamptz NOT NULL,
    -- A keyed hash; NULL once the token was used or replaced.
    token_hash uuid CONSTRAINT password_reset_token UNIQUE,
    CONSTRAINT password_reset_pkey PRIMARY KEY (account_id, created_at)
);

-- Issues a token and returns the language of the account; NULL if no account may have one now.
--
-- PL/pgSQL, because each statement has to see what was committed while the first waited for the lock of the account. Names with
-- an underscore in front are parameters.
CREATE FUNCTION issue_password_reset_v1(
    _email text, _token uuid, _at timestamptz, _again_after timestamptz, _counted_since timestamptz, _max integer
) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    owner record;
BEGIN
    SELECT a.id, a.locale INTO owner FROM account a WHERE a.email = _email AND NOT a.blocked FOR NO KEY UPDATE;
    IF NOT FOUND THEN
        RETURN NULL;
    END IF;
    DELETE FROM password_reset r WHERE r.account_id = owner.id AND r.created_at <= _counted_since;
    IF EXISTS (SELECT FROM password_reset r WHERE r.account_id = owner.id AND r.created_at > _again_after)
        OR (SELECT count(*) FROM password_reset r WHERE r.account_id = owner.id) >= _max
    THEN
        RETURN NULL;
    END IF;
    UPDATE password_reset r SET token_hash = NULL WHERE r.account_id = owner.id AND r.token_hash IS NOT NULL;
    INSERT INTO password_reset (account_id, created_at, token_hash) VALUES (owner.id, _at, _token);
    RETURN owner.locale;
END
$$;
