-- Blocks between users. A row is a block in effect. It stays after its user has removed it from the list, for as long as
-- its effects last, and is deleted then, so that no query compares times.

-- The key of the hashes of emails. It is made here, so that every node finds the same one, and it never changes. Exactly
-- one row.
CREATE TABLE block_key (
    the_only bigint NOT NULL CONSTRAINT block_key_pkey PRIMARY KEY CONSTRAINT block_key_only CHECK (the_only = 1),
    -- 244 random bits.
    key bytea NOT NULL
);
INSERT INTO block_key (the_only, key) VALUES (1, uuid_send(gen_random_uuid()) || uuid_send(gen_random_uuid()));

-- The hash of an email under which a block outlives an account and waits for one.
CREATE FUNCTION email_hash_v1(email text) RETURNS bytea LANGUAGE sql STABLE AS $$
    SELECT sha256(k.key || sha256(k.key || convert_to(email, 'UTF8'))) FROM block_key k
$$;

CREATE TABLE user_block (
    id uuid CONSTRAINT user_block_pkey PRIMARY KEY,
    -- The user that blocks.
    owner_id uuid NOT NULL CONSTRAINT user_block_owner REFERENCES account ON DELETE CASCADE,
    -- What is blocked, as the user named it: an account that need not exist, or an email in lower case.
    user_id uuid,
    email text,
    -- The email of the blocked account; null if there is no account with the id.
    email_hash bytea,
    -- The account that the block applies to; null while there is none. No reference, because a block outlives it.
    blocked_id uuid,
    created_at timestamptz NOT NULL,
    -- The earliest end of its effects.
    earliest_end timestamptz NOT NULL,
    -- When its effects end; null while it is in the list.
    ends_at timestamptz,
    CONSTRAINT user_block_target CHECK ((user_id IS NULL) <> (email IS NULL))
);
-- One block per user and target.
CREATE UNIQUE INDEX user_block_user ON user_block (owner_id, user_id) WHERE user_id IS NOT NULL;
CREATE UNIQUE INDEX user_block_email ON user_block (owner_id, email) WHERE email IS NOT NULL;
-- Who blocks whom, in both directions.
CREATE INDEX user_block_by_owner ON user_block (owner_id, blocked_id);
CREATE INDEX user_block_by_blocked ON user_block (blocked_id, owner_id);
-- A new account looks for blocks that wait for its email.
CREATE INDEX user_block_by_email ON user_block (email_hash);
-- Timers.
CREATE INDEX user_block_ending ON user_block (ends_at) WHERE ends_at IS NOT NULL;

-- The users that are not alerted to an emergency because of blocks: see the port `Emergencies`, `Near`. Before it is raised,
-- `emergency` is null. The response of `leaving`, if any, counts as cancelled. A plain query, so that the planner makes it part of the statement that asks. An element may occur
-- more than once.
CREATE FUNCTION separated_v1(emergency uuid, owner uuid, anonymous boolean, raised_at timestamptz, leaving uuid)
RETURNS TABLE (id uuid) LANGUAGE sql STABLE AS $$
    SELECT u.blocked_id FROM user_block u WHERE u.owner_id = owner AND u.blocked_id IS NOT NULL
    UNION ALL
    SELECT u.owner_id FROM user_block u
    WHERE u.blocked_id = owner AND (NOT anonymous OR u.earliest_end <= raised_at)
    UNION ALL
    SELECT u.blocked_id FROM response r JOIN user_block u ON u.owner_id = r.helper_id
    WHERE r.emergency_id = emergency AND r.status <> 'cancelled' AND r.helper_id IS DISTINCT FROM leaving AND u.blocked_id IS NOT NULL
    UNION ALL
    SELECT u.owner_id FROM response r JOIN user_block u ON u.blocked_id = r.helper_id
    WHERE r.emergency_id = emergency AND r.status <> 'cancelled' AND r.helper_id IS DISTINCT FROM leaving
$$;

-- The users from whom blocks hide an emergency: see the port `Emergencies`, `RaiseContext`. Events name them, so their number
-- is bounded, and they are no administrators.
CREATE FUNCTION hidden_from_v1(owner uuid, anonymous boolean) RETURNS uuid[] LANGUAGE sql STABLE AS $$
    SELECT ARRAY (
        SELECT a.id FROM user_block b JOIN account a ON a.id = b.blocked_id
        WHERE b.owner_id = owner AND a.role <> 'admin'
        UNION
        (SELECT a.id FROM user_block b JOIN account a ON a.id = b.owner_id
         WHERE b.blocked_id = owner AND NOT anonymous AND a.role <> 'admin' LIMIT 1000)
    )
$$;

-- The live emergencies that any of these users owns, or to which any has a response that is not cancelled, in the order of
-- their ids: what a block between users is decided on.
CREATE FUNCTION live_emergencies_of_v1(users uuid[]) RETURNS uuid[] LANGUAGE sql STABLE AS $$
    SELECT ARRAY (
        SELECT e.id FROM emergency e WHERE e.owner_id = ANY (users) AND e.status IN ('active', 'responding')
        UNION
        SELECT e.id FROM response r JOIN emergency e ON e.id = r.emergency_id
        WHERE r.helper_id = ANY (users) AND r.status <> 'cancelled' AND e.status IN ('active', 'responding')
        ORDER BY 1
    )
$$;
