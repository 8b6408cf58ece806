-- Emergency contacts are told of emergencies by email, if they agreed.

ALTER TABLE contact
    ADD COLUMN phone text,
    -- Smaller numbers come first in lists.
    ADD COLUMN sort_order integer NOT NULL DEFAULT 0 CONSTRAINT contact_sort_order CHECK (sort_order BETWEEN 0 AND 1000),
    -- The delay after which the contact is told, and what it begins with.
    ADD COLUMN after_seconds integer NOT NULL DEFAULT 0
        CONSTRAINT contact_after_seconds CHECK (after_seconds BETWEEN 0 AND 86400),
    ADD COLUMN told_on text NOT NULL DEFAULT 'created'
        CONSTRAINT contact_told_on CHECK (told_on IN ('created', 'unanswered')),
    ADD COLUMN lives_with_owner boolean NOT NULL DEFAULT false;

-- The addresses that want no messages, of no user.
CREATE TABLE contact_stop (
    email text CONSTRAINT contact_stop_pkey PRIMARY KEY,
    stopped_at timestamptz NOT NULL
);

-- Whether an address agreed to messages about a user. One row for both, which outlives the contact: an address is invited once.
CREATE TABLE contact_consent (
    id uuid CONSTRAINT contact_consent_pkey PRIMARY KEY,
    account_id uuid NOT NULL CONSTRAINT contact_consent_account REFERENCES account ON DELETE CASCADE,
    email text NOT NULL,
    -- When the invitation was planned for: the invitations of a day are counted.
    planned_at timestamptz NOT NULL,
    -- When it is to be sent; NULL when it is not any more. A claim moves it to its end.
    due_at timestamptz,
    attempts integer NOT NULL DEFAULT 0,
    invited_at timestamptz,
    confirmed_at timestamptz,
    undeliverable boolean NOT NULL DEFAULT false,
    CONSTRAINT contact_consent_address UNIQUE (account_id, email)
);
CREATE INDEX contact_consent_due ON contact_consent (due_at) WHERE due_at IS NOT NULL;
CREATE INDEX contact_consent_by_plan ON contact_consent (account_id, planned_at);
CREATE INDEX contact_consent_by_email ON contact_consent (email);

-- Contacts from before are invited as well, five a day of each user.
INSERT INTO contact_consent (id, account_id, email, planned_at, due_at)
SELECT gen_random_uuid(), account_id, email, due, due
FROM (
    SELECT account_id, email,
        now() + (row_number() OVER (PARTITION BY account_id ORDER BY min(created_at)) - 1) / 5 * interval '1 day' AS due
    FROM contact GROUP BY account_id, email
) c;

-- Adds or changes a contact, and plans the invitation of an address that the user never invited. `outcome` is `saved`, `too_many`
-- or `unknown`; the other columns tell the consent.
--
-- PL/pgSQL, because each statement has to see what was committed while the first waited for the lock of the account. Names with
-- an underscore in front are parameters.
CREATE FUNCTION save_contact_v1(
    _account uuid, _id uuid, _name text, _email text, _phone text, _sort_order integer, _after_seconds integer,
    _told_on text, _lives_with_owner boolean, _is_new boolean, _consent uuid, _at timestamptz, _max integer,
    _max_invitations integer, _counted_for double precision
) RETURNS TABLE (outcome text, stopped boolean, undeliverable boolean, confirmed_at timestamptz) ROWS 1 LANGUAGE plpgsql AS $$
DECLARE
    counted timestamptz;
    due timestamptz;
BEGIN
    PERFORM FROM account a WHERE a.id = _account FOR NO KEY UPDATE;
    IF _is_new THEN
        IF NOT FOUND OR (SELECT count(*) FROM contact c WHERE c.account_id = _account) >= _max THEN
            RETURN QUERY SELECT 'too_many', false, false, NULL::timestamptz;
            RETURN;
        END IF;
        INSERT INTO contact (id, account_id, name, email, phone, sort_order, after_seconds, told_on, lives_with_owner,
            created_at)
        VALUES (_id, _account, _name, _email, _phone, _sort_order, _after_seconds, _told_on, _lives_with_owner, _at);
    ELSE
        UPDATE contact c SET name = _name, email = _email, phone = _phone, sort_order = _sort_order,
            after_seconds = _after_seconds, told_on = _told_on, lives_with_owner = _lives_with_owner
        WHERE c.account_id = _account AND c.id = _id;
        IF NOT FOUND THEN
            RETURN QUERY SELECT 'unknown', false, false, NULL::timestamptz;
            RETURN;
        END IF;
        -- An address that is no contact any more is not invited.
        UPDATE contact_consent k SET due_at = NULL
        WHERE k.account_id = _account AND k.due_at IS NOT NULL
            AND NOT EXISTS (SELECT FROM contact c WHERE c.account_id = _account AND c.email = k.email);
    END IF;

    IF NOT EXISTS (SELECT FROM contact_stop s WHERE s.email = _email) THEN
        SELECT k.planned_at INTO counted FROM contact_consent k WHERE k.account_id = _account AND k.email <> _email
            ORDER BY k.planned_at DESC OFFSET _max_invitations - 1 LIMIT 1;
        due := greatest(_at, counted + make_interval(secs => _counted_for));
        INSERT INTO contact_consent AS k (id, account_id, email, planned_at, due_at)
        VALUES (_consent, _account, _email, due, due)
        -- One that was not sent, because the contact was removed before.
        ON CONFLICT ON CONSTRAINT contact_consent_address DO UPDATE
            SET planned_at = excluded.planned_at, due_at = excluded.due_at
            WHERE k.due_at IS NULL AND k.invited_at IS NULL AND k.confirmed_at IS NULL AND NOT k.undeliverable;
    END IF;
    RETURN QUERY SELECT 'saved', s.email IS NOT NULL, coalesce(k.undeliverable, false), k.confirmed_at
        FROM (SELECT 1) one
            LEFT JOIN contact_consent k ON k.account_id = _account AND k.email = _email
            LEFT JOIN contact_stop s ON s.email = _email;
END
$$;
