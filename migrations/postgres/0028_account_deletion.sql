-- Accounts are deleted. What others have a part in is kept under another id, as that of a "Former user".

ALTER TABLE account
    -- These three are of a row that stands for a deleted account: the hash of its email, until reports about it do not count any
    -- more; when it was deleted; and the account that has the email since.
    ADD COLUMN former_email_hash bytea,
    ADD COLUMN deleted_at timestamptz,
    ADD COLUMN successor_id uuid;
CREATE INDEX account_former_email ON account (former_email_hash) WHERE former_email_hash IS NOT NULL;
CREATE INDEX account_successor ON account (successor_id) WHERE successor_id IS NOT NULL;

-- Deleted accounts whose id may still be in events that nodes have to deliver, and in what was decided before the deletion.
CREATE TABLE account_erasure (
    user_id uuid CONSTRAINT account_erasure_pkey PRIMARY KEY,
    former_id uuid NOT NULL,
    deleted_at timestamptz NOT NULL
);

-- What is kept of an account is found by the account.
CREATE INDEX emergency_by_end ON emergency (ended_by) WHERE ended_by IS NOT NULL;
CREATE INDEX message_by_recipient ON message (recipient_id) WHERE recipient_id IS NOT NULL;
CREATE INDEX reputation_gain_by_owner ON reputation_gain (owner_id);
CREATE INDEX deleted_emergency_by_owner ON deleted_emergency (owner_id, created_at);
-- The alerts that `alert_by_helper` leaves out.
CREATE INDEX alert_by_silent_helper ON alert (helper_id) WHERE wave IS NULL OR declined_at IS NOT NULL;

-- The emergencies that keep a part of the account, in the order of their ids.
CREATE FUNCTION records_of_account_v1(_user uuid) RETURNS uuid[] LANGUAGE sql STABLE AS $$
    SELECT ARRAY (
        SELECT e.id FROM emergency e WHERE e.owner_id = _user
        UNION SELECT r.emergency_id FROM response r WHERE r.helper_id = _user
        UNION SELECT e.id FROM emergency e WHERE e.ended_by = _user
        ORDER BY 1
    )
$$;

-- The emergencies to which the account was alerted, or which it declined.
CREATE FUNCTION alerts_of_account_v1(_user uuid) RETURNS uuid[] LANGUAGE sql STABLE AS $$
    SELECT ARRAY (
        SELECT a.emergency_id FROM alert a WHERE a.helper_id = _user AND a.wave IS NOT NULL AND a.declined_at IS NULL
        UNION ALL
        SELECT a.emergency_id FROM alert a WHERE a.helper_id = _user AND (a.wave IS NULL OR a.declined_at IS NOT NULL)
    )
$$;

-- A stored event with `former` in place of `person`. An object with the names of `person` gets those of a former user.
CREATE FUNCTION without_person_v1(value jsonb, person text, former text) RETURNS jsonb LANGUAGE plpgsql IMMUTABLE AS $$
BEGIN
    RETURN CASE jsonb_typeof(value)
        WHEN 'object' THEN
            (SELECT coalesce(jsonb_object_agg(e.key, without_person_v1(e.value, person, former)), '{}') FROM jsonb_each(value) e)
            || CASE WHEN value ->> 'id' = person AND value ? 'first_name'
                THEN '{"first_name": "Former", "last_name": "user"}'::jsonb ELSE '{}' END
        WHEN 'array' THEN
            (SELECT coalesce(jsonb_agg(without_person_v1(e.value, person, former) ORDER BY e.ordinality), '[]')
             FROM jsonb_array_elements(value) WITH ORDINALITY e)
        WHEN 'string' THEN CASE WHEN value #>> '{}' = person THEN to_jsonb(former) ELSE value END
        ELSE value
    END;
END $$;

-- Changes the events up to `_last` that name the user: of these emergencies, and of those that were just deleted.
CREATE FUNCTION forget_in_events_v1(_user uuid, _former uuid, _emergencies uuid[], _last bigint) RETURNS void LANGUAGE sql AS $$
    UPDATE event e SET actor_id = CASE WHEN e.actor_id = _user THEN _former ELSE e.actor_id END,
        body = without_person_v1(e.body, _user::text, _former::text)
    WHERE e.emergency_id = ANY (_emergencies || ARRAY (SELECT d.emergency_id FROM erasure d)) AND e.seq <= _last
        AND (e.actor_id = _user OR strpos(e.body::text, _user::text) > 0)
$$;

-- Locks all that a deletion is decided on, and returns the emergencies that keep a part of the account.
--
-- In the order of every change: emergencies by their ids, then accounts. Emergencies that are raised, and responses, lock the
-- account for their foreign key: either they are seen here, or they find no account. The email is locked as by add_block and
-- register_account.
CREATE FUNCTION lock_account_v1(_user uuid, _emergencies uuid[]) RETURNS uuid[] LANGUAGE plpgsql AS $$
DECLARE
    held record;
    records uuid[] := records_of_account_v1(_user);
BEGIN
    PERFORM FROM emergency WHERE id = ANY (records || _emergencies) ORDER BY id FOR NO KEY UPDATE;
    SELECT a.email, a.role INTO held FROM account a WHERE a.id = _user;
    PERFORM pg_advisory_xact_lock(hashtextextended(held.email, 0)) WHERE held.email IS NOT NULL;
    -- Of two administrators who leave at once, the second sees that the first is gone.
    IF held.role = 'admin' THEN
        PERFORM FROM account WHERE role = 'admin' ORDER BY id FOR UPDATE;
    END IF;
    PERFORM FROM account a WHERE a.id = _user AND NOT a.blocked FOR UPDATE;
    IF NOT FOUND OR records <> records_of_account_v1(_user)
        OR EXISTS (SELECT FROM emergency e WHERE e.owner_id = _user AND e.status IN ('active', 'responding'))
    THEN
        RAISE EXCEPTION 'the account is gone, blocked, or has other emergencies' USING ERRCODE = 'AN001';
    END IF;
    IF EXISTS (SELECT FROM account a WHERE a.id = _user AND a.role = 'admin')
        AND NOT EXISTS (SELECT FROM account a WHERE a.role = 'admin' AND NOT a.blocked AND a.id <> _user)
    THEN
        RAISE EXCEPTION 'the last administrator' USING ERRCODE = '23514', CONSTRAINT = 'account_last_administrator';
    END IF;
    RETURN records;
END $$;

-- Deletes an account that is locked, with all that goes with it by foreign keys.
CREATE FUNCTION delete_account_v1(_user uuid, _former uuid, _records uuid[], _at timestamptz) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    alerted uuid[] := alerts_of_account_v1(_user);
BEGIN
    PERFORM FROM response r JOIN emergency e ON e.id = r.emergency_id
    WHERE r.helper_id = _user AND r.status <> 'cancelled' AND e.status IN ('active', 'responding');
    IF FOUND THEN
        RAISE EXCEPTION 'the account has responses' USING ERRCODE = 'AN001';
    END IF;

    -- Blocked, so that it is neither on duty nor logged in. Its email is none.
    INSERT INTO account (id, email, password_hash, first_name, last_name, role, blocked, created_at, former_email_hash, deleted_at)
    SELECT _former, _former::text, '', 'Former', 'user', 'user', true, _at, email_hash_v1(a.email), _at
    FROM account a WHERE a.id = _user;
    UPDATE account SET successor_id = NULL WHERE successor_id = _user;

    -- What was decided on the emergency before is stale.
    UPDATE emergency SET owner_id = CASE WHEN owner_id = _user THEN _former ELSE owner_id END,
        request_id = CASE WHEN owner_id = _user THEN NULL ELSE request_id END,
        ended_by = CASE WHEN ended_by = _user THEN _former ELSE ended_by END, revision = revision + 1
    WHERE id = ANY (_records);
    UPDATE response SET helper_id = _former WHERE helper_id = _user AND emergency_id = ANY (_records);
    UPDATE alert SET helper_id = _former WHERE helper_id = _user AND emergency_id = ANY (alerted);
    UPDATE message SET sender_id = _former WHERE sender_id = _user;
    UPDATE message SET recipient_id = _former WHERE recipient_id = _user;
    DELETE FROM message_request WHERE emergency_id = ANY (_records) AND sender_id = _user;
    UPDATE rating SET helper_id = _former WHERE helper_id = _user;
    UPDATE report SET reporter_id = _former WHERE reporter_id = _user;
    UPDATE report SET about_id = _former WHERE about_id = _user;
    DELETE FROM reputation_gain WHERE helper_id = _user;
    UPDATE reputation_gain SET owner_id = _former WHERE owner_id = _user;
    UPDATE deleted_emergency SET owner_id = _former, request_id = NULL WHERE owner_id = _user;
    DELETE FROM ring WHERE owner_id = _user;
    DELETE FROM ring WHERE helper_id = _user;
    -- Blocks of others wait for a new account of the email.
    UPDATE user_block SET blocked_id = NULL WHERE blocked_id = _user;
    INSERT INTO account_erasure (user_id, former_id, deleted_at) VALUES (_user, _former, _at);
    DELETE FROM account WHERE id = _user;
END $$;

-- Removes the ids of accounts that were deleted before a time from what was stored at the deletion or since. Returns how many.
CREATE FUNCTION erase_accounts_v1(_before timestamptz) RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE
    due record;
    erased bigint := 0;
    alerted uuid[];
BEGIN
    FOR due IN SELECT e.user_id, e.former_id FROM account_erasure e WHERE e.deleted_at < _before ORDER BY e.user_id FOR UPDATE SKIP LOCKED
    LOOP
        alerted := alerts_of_account_v1(due.user_id);
        UPDATE alert SET helper_id = due.former_id WHERE helper_id = due.user_id AND emergency_id = ANY (alerted);
        PERFORM forget_in_events_v1(due.user_id, due.former_id,
            records_of_account_v1(due.former_id) || alerts_of_account_v1(due.former_id), 9223372036854775807);
        DELETE FROM account_erasure WHERE user_id = due.user_id;
        erased := erased + 1;
    END LOOP;
    RETURN erased;
END $$;

-- As version 1, with the deletion of accounts, and with reports that count for a new account of the same email.
CREATE FUNCTION apply_account_change_v2(change jsonb, account_writes jsonb) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    w jsonb;
    deletion CONSTANT jsonb := (SELECT d FROM jsonb_array_elements(account_writes) d WHERE d ->> 'op' = 'delete_account');
    deleted CONSTANT uuid := deletion ->> 'id';
    records uuid[];
BEGIN
    -- Before events are numbered: readers of the log wait at a number whose change waits for a lock, or takes long.
    IF deleted IS NOT NULL THEN
        records := lock_account_v1(deleted, ARRAY (SELECT e::uuid FROM jsonb_array_elements_text(change -> 'emergencies') AS e));
        PERFORM forget_in_events_v1(deleted, (deletion ->> 'former_id')::uuid, records || alerts_of_account_v1(deleted),
            (SELECT coalesce(max(seq), 0) FROM event));
    END IF;
    PERFORM apply_change_v2(change);
    FOR w IN SELECT value FROM jsonb_array_elements(account_writes) WITH ORDINALITY ORDER BY ordinality LOOP
        CASE w ->> 'op'
        WHEN 'describe_session' THEN
            UPDATE session SET user_agent = w ->> 'user_agent' WHERE id = (w ->> 'id')::uuid;
        WHEN 'delete_account' THEN
            PERFORM delete_account_v1((w ->> 'id')::uuid, (w ->> 'former_id')::uuid, records, (change ->> 'at')::timestamptz);
        WHEN 'succeed_account' THEN
            UPDATE account SET successor_id = (w ->> 'id')::uuid WHERE former_email_hash = email_hash_v1(w ->> 'email');
        ELSE
            RAISE EXCEPTION 'apply_account_change_v2: unknown write %', w ->> 'op' USING ERRCODE = 'AN002';
        END CASE;
    END LOOP;
END
$$;
