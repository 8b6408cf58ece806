-- The whole schema: tables, indexes, the view that reads of an emergency share, and the triggers that keep positions in
-- step with accounts. How a change is written is in 0002_apply_change_v1.sql.
--
-- Rules that must hold under any concurrency are constraints, not checks in the program. The names of the unique ones are
-- part of the program (crates/postgres/src/error.rs), which turns their violation into a refusal. A violated CHECK or
-- NOT NULL is a fault of the program.
--
-- From here on migrations only expand, so that a node of the previous release keeps working during an upgrade. What a node
-- calls by name and gets columns or arguments of (views, functions) bears a version, and is never replaced, only followed by
-- the next one.

-- Creating the extension takes a superuser, so an administrator may do it beforehand.
CREATE EXTENSION IF NOT EXISTS postgis;

-- Accounts are never deleted, so references to them need no action.
CREATE TABLE account (
    id uuid CONSTRAINT account_pkey PRIMARY KEY,
    -- In lower case.
    email text NOT NULL CONSTRAINT account_email UNIQUE,
    password_hash text NOT NULL,
    first_name text NOT NULL,
    last_name text,
    phone text,
    avatar text,
    bio text,
    role text NOT NULL CONSTRAINT account_role CHECK (role IN ('user', 'helper', 'admin')),
    blocked boolean NOT NULL DEFAULT false,
    blocked_reason text,
    -- The helper record, null for an account that never asked to be a helper.
    verification text CONSTRAINT account_verification CHECK (verification IN ('pending', 'verified', 'rejected')),
    available boolean,
    skills text[] NOT NULL DEFAULT '{}',
    trust_score integer NOT NULL DEFAULT 0 CONSTRAINT account_trust_score CHECK (trust_score BETWEEN 0 AND 1000),
    -- Sum and number of ratings: the average is computed when it is shown.
    rating_sum integer NOT NULL DEFAULT 0 CONSTRAINT account_rating_sum CHECK (rating_sum >= 0),
    rating_count integer NOT NULL DEFAULT 0 CONSTRAINT account_rating_count CHECK (rating_count >= 0),
    created_at timestamptz NOT NULL,
    CONSTRAINT account_helper CHECK ((verification IS NULL) = (available IS NULL))
);
-- Administrators page through helpers, all of them or those in one state of verification.
CREATE INDEX account_helpers ON account (created_at, id) WHERE verification IS NOT NULL;
CREATE INDEX account_helpers_by_verification ON account (verification, created_at, id) WHERE verification IS NOT NULL;
-- Counts helpers on duty under the policy `verified` without reading the table.
CREATE INDEX account_on_duty ON account (id) WHERE NOT blocked AND verification = 'verified' AND available;

CREATE TABLE session (
    id uuid CONSTRAINT session_pkey PRIMARY KEY,
    account_id uuid NOT NULL CONSTRAINT session_account REFERENCES account ON DELETE CASCADE,
    -- The refresh token that was used last.
    confirmed_token uuid NOT NULL,
    created_at timestamptz NOT NULL,
    revoked_at timestamptz
);
-- Revokes the sessions of an account.
CREATE INDEX session_by_account ON session (account_id) WHERE revoked_at IS NULL;

CREATE TABLE contact (
    id uuid CONSTRAINT contact_pkey PRIMARY KEY,
    account_id uuid NOT NULL CONSTRAINT contact_account REFERENCES account ON DELETE CASCADE,
    name text NOT NULL,
    email text NOT NULL,
    created_at timestamptz NOT NULL
);
CREATE INDEX contact_by_account ON contact (account_id, created_at, id);

-- Where a user was last. A position is reported every few seconds and read by every search for helpers, so both are
-- cheap: the place is two numbers that no index holds, so that most reports change one row where it is (a heap-only
-- update), and `duty` makes a join with `account` unnecessary.
CREATE TABLE position (
    account_id uuid CONSTRAINT position_pkey PRIMARY KEY
        CONSTRAINT position_account REFERENCES account ON DELETE CASCADE,
    latitude double precision NOT NULL CONSTRAINT position_latitude CHECK (latitude BETWEEN -90 AND 90),
    longitude double precision NOT NULL CONSTRAINT position_longitude CHECK (longitude BETWEEN -180 AND 180),
    at timestamptz NOT NULL,
    -- What the spatial index holds. Moves only when the place is further than 100 m from it; searches reach that much
    -- further and decide by the place.
    anchor geography(Point, 4326) NOT NULL,
    -- 0: not on duty; 1: on duty under the policy `open`; 2: on duty under the policy `verified`, too. Kept by triggers.
    duty smallint NOT NULL DEFAULT 0 CONSTRAINT position_duty CHECK (duty BETWEEN 0 AND 2)
    -- Half of each page stays free for new versions of its rows, and dead ones are removed early.
) WITH (fillfactor = 50, autovacuum_vacuum_scale_factor = 0.05);
CREATE INDEX position_anchor ON position USING gist (anchor);

CREATE FUNCTION duty(a account) RETURNS smallint LANGUAGE sql IMMUTABLE AS $$
    SELECT CASE
        WHEN a.blocked THEN 0
        WHEN a.verification = 'verified' AND a.available THEN 2
        WHEN coalesce(a.available, true) THEN 1
        ELSE 0
    END::smallint
$$;

-- A change of the account reaches the position that is there already.
CREATE FUNCTION copy_duty_to_position() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    UPDATE position p SET duty = duty(NEW) WHERE p.account_id = NEW.id;
    RETURN NULL;
END $$;
CREATE TRIGGER account_duty AFTER UPDATE OF blocked, verification, available ON account
    FOR EACH ROW WHEN (duty(OLD) <> duty(NEW)) EXECUTE FUNCTION copy_duty_to_position();

-- A first position takes the duty of its account. FOR SHARE makes a concurrent change of the account wait until this
-- position is visible to it, or this trigger wait for that change: in no order do the two miss each other.
CREATE FUNCTION copy_duty_from_account() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    UPDATE position p SET duty = duty(a)
    FROM (SELECT * FROM account WHERE id = NEW.account_id FOR SHARE) AS a
    WHERE p.account_id = NEW.account_id AND p.duty <> duty(a);
    RETURN NULL;
END $$;
CREATE TRIGGER position_duty AFTER INSERT ON position FOR EACH ROW EXECUTE FUNCTION copy_duty_from_account();

CREATE TABLE emergency (
    id uuid CONSTRAINT emergency_pkey PRIMARY KEY,
    owner_id uuid NOT NULL CONSTRAINT emergency_owner REFERENCES account,
    request_id text,
    kind text NOT NULL CONSTRAINT emergency_kind
        CHECK (kind IN ('medical', 'safety', 'accident', 'assault', 'natural_disaster', 'other')),
    category text,
    description text,
    latitude double precision NOT NULL CONSTRAINT emergency_latitude CHECK (latitude BETWEEN -90 AND 90),
    longitude double precision NOT NULL CONSTRAINT emergency_longitude CHECK (longitude BETWEEN -180 AND 180),
    place geography(Point, 4326) NOT NULL
        GENERATED ALWAYS AS (ST_SetSRID(ST_MakePoint(longitude, latitude), 4326)::geography) STORED,
    address text,
    place_description text,
    priority text NOT NULL CONSTRAINT emergency_priority CHECK (priority IN ('low', 'medium', 'high', 'critical')),
    severity smallint NOT NULL CONSTRAINT emergency_severity CHECK (severity BETWEEN 1 AND 10),
    silent boolean NOT NULL,
    anonymous boolean NOT NULL,
    status text NOT NULL CONSTRAINT emergency_status
        CHECK (status IN ('active', 'responding', 'resolved', 'cancelled')),
    -- In metres.
    alert_radius double precision NOT NULL CONSTRAINT emergency_alert_radius CHECK (alert_radius >= 0),
    -- The last wave of alerts.
    wave integer NOT NULL CONSTRAINT emergency_wave CHECK (wave >= 0),
    -- When the next wave is due. A column, so that the timer survives a restart and any node may find it due.
    next_alert_at timestamptz,
    created_at timestamptz NOT NULL,
    updated_at timestamptz NOT NULL,
    first_response_at timestamptz,
    ended_at timestamptz,
    ended_by uuid CONSTRAINT emergency_ended_by REFERENCES account,
    resolution text CONSTRAINT emergency_resolution
        CHECK (resolution IN ('user_resolved', 'helper_resolved', 'admin_resolved', 'auto_expired')),
    ending_notes text,
    -- Grows with each update; an update is applied on condition that it is still the one that was read.
    revision bigint NOT NULL,
    CONSTRAINT emergency_ended CHECK ((status IN ('resolved', 'cancelled')) = (ended_at IS NOT NULL)),
    CONSTRAINT emergency_next_alert CHECK (next_alert_at IS NULL OR status = 'active')
);
-- One live emergency per owner; one emergency per owner and request id.
CREATE UNIQUE INDEX emergency_live_owner ON emergency (owner_id) WHERE status IN ('active', 'responding');
CREATE UNIQUE INDEX emergency_request_id ON emergency (owner_id, request_id) WHERE request_id IS NOT NULL;
-- Searches by place: live ones for helpers, all of them for administrators; the largest alert radius in use.
CREATE INDEX emergency_live_place ON emergency USING gist (place) WHERE status IN ('active', 'responding');
CREATE INDEX emergency_place ON emergency USING gist (place);
CREATE INDEX emergency_live_radius ON emergency (alert_radius) WHERE status IN ('active', 'responding');
-- Pages, newest first: live ones, by status, by owner.
CREATE INDEX emergency_live_by_time ON emergency (created_at, id) WHERE status IN ('active', 'responding');
CREATE INDEX emergency_by_status ON emergency (status, created_at, id);
CREATE INDEX emergency_by_owner ON emergency (owner_id, created_at, id);
-- Timers.
CREATE INDEX emergency_due ON emergency (next_alert_at, id) WHERE next_alert_at IS NOT NULL;

-- What a helper does in an emergency.
CREATE TABLE response (
    emergency_id uuid NOT NULL CONSTRAINT response_emergency REFERENCES emergency ON DELETE CASCADE,
    helper_id uuid NOT NULL CONSTRAINT response_helper REFERENCES account,
    -- The order of acceptance where two have the same time.
    ordinal bigint NOT NULL GENERATED ALWAYS AS IDENTITY,
    status text NOT NULL CONSTRAINT response_status
        CHECK (status IN ('responding', 'on_way', 'arrived', 'completed', 'cancelled')),
    notes text,
    estimated_arrival timestamptz,
    first_responded_at timestamptz NOT NULL,
    responded_at timestamptz NOT NULL,
    updated_at timestamptz NOT NULL,
    -- Whether the helper is bound to this emergency: it is live, and the response neither completed nor cancelled.
    engaged boolean NOT NULL CONSTRAINT response_engaged_status
        CHECK (NOT engaged OR status IN ('responding', 'on_way', 'arrived')),
    CONSTRAINT response_pkey PRIMARY KEY (emergency_id, helper_id)
);
-- A helper is engaged in one emergency at a time.
CREATE UNIQUE INDEX response_engaged ON response (helper_id) WHERE engaged;
CREATE INDEX response_by_helper ON response (helper_id) WHERE status <> 'cancelled';

-- One emergency brought to one helper, or declined by one. No foreign keys: a wave writes fifty rows while an owner waits,
-- its writer holds the row of the emergency locked, and accounts are never deleted, so that looking both up again for
-- each row would cost more than writing it. `apply_change` deletes the rows with their emergency.
CREATE TABLE alert (
    emergency_id uuid NOT NULL,
    helper_id uuid NOT NULL,
    -- These three are null for a helper who declined without having been alerted.
    wave integer,
    distance double precision,
    sent_at timestamptz,
    acknowledged_at timestamptz,
    declined_at timestamptz,
    CONSTRAINT alert_pkey PRIMARY KEY (emergency_id, helper_id),
    CONSTRAINT alert_sent CHECK ((wave IS NULL) = (sent_at IS NULL) AND (wave IS NULL) = (distance IS NULL)),
    CONSTRAINT alert_reason CHECK (wave IS NOT NULL OR declined_at IS NOT NULL)
);
CREATE INDEX alert_by_helper ON alert (helper_id) WHERE wave IS NOT NULL AND declined_at IS NULL;

CREATE TABLE message (
    id uuid CONSTRAINT message_pkey PRIMARY KEY,
    emergency_id uuid NOT NULL CONSTRAINT message_emergency REFERENCES emergency ON DELETE CASCADE,
    sender_role text NOT NULL CONSTRAINT message_sender_role CHECK (sender_role IN ('creator', 'helper', 'system')),
    sender_id uuid CONSTRAINT message_sender REFERENCES account,
    -- How the sender addressed the recipient: the owner without knowing who that is (`creator`), the owner by id, a helper.
    recipient text NOT NULL CONSTRAINT message_recipient
        CHECK (recipient IN ('everyone', 'creator', 'owner', 'helper')),
    recipient_id uuid CONSTRAINT message_recipient_account REFERENCES account,
    body text NOT NULL,
    created_at timestamptz NOT NULL,
    CONSTRAINT message_system CHECK ((sender_role = 'system') = (sender_id IS NULL)),
    CONSTRAINT message_everyone CHECK ((recipient = 'everyone') = (recipient_id IS NULL))
);
CREATE INDEX message_by_time ON message (emergency_id, created_at, id);

CREATE TABLE rating (
    emergency_id uuid NOT NULL CONSTRAINT rating_emergency REFERENCES emergency ON DELETE CASCADE,
    helper_id uuid NOT NULL CONSTRAINT rating_helper REFERENCES account,
    score smallint NOT NULL CONSTRAINT rating_score CHECK (score BETWEEN 1 AND 5),
    comment text,
    created_at timestamptz NOT NULL,
    CONSTRAINT rating_pkey PRIMARY KEY (emergency_id, helper_id)
);

-- No reference to the emergency: a complaint outlives it.
CREATE TABLE report (
    emergency_id uuid NOT NULL,
    reporter_id uuid NOT NULL CONSTRAINT report_reporter REFERENCES account,
    about_id uuid NOT NULL CONSTRAINT report_about REFERENCES account,
    reason text NOT NULL,
    created_at timestamptz NOT NULL,
    CONSTRAINT report_pkey PRIMARY KEY (emergency_id, reporter_id, about_id)
);
CREATE INDEX report_by_about ON report (about_id);

-- The event log. Readers rely on numbers that are drawn one by one (crates/postgres/src/tail.rs), so the sequence must
-- not be cached. No references: the log outlives what it speaks of.
CREATE TABLE event (
    seq bigint GENERATED ALWAYS AS IDENTITY (CACHE 1) CONSTRAINT event_pkey PRIMARY KEY,
    at timestamptz NOT NULL,
    emergency_id uuid,
    actor_id uuid,
    kind text NOT NULL,
    body jsonb NOT NULL
    -- An event that names everybody who was alerted takes some kilobytes, and every node reads it a moment later: it stays
    -- in its row, neither compressed nor moved out of line.
) WITH (toast_tuple_target = 8160);
CREATE INDEX event_by_emergency ON event (emergency_id, seq) WHERE emergency_id IS NOT NULL;

-- After which number the log is complete: older events were removed. Exactly one row.
CREATE TABLE event_retention (
    the_only bigint NOT NULL CONSTRAINT event_retention_pkey PRIMARY KEY
        CONSTRAINT event_retention_only CHECK (the_only = 1),
    complete_since bigint NOT NULL
);
INSERT INTO event_retention (the_only, complete_since) VALUES (1, 0);

-- Deleted emergencies whose events are still to be erased. An emergency may be deleted right after it ended, before every
-- node has read the event of its end, so its part of the log stays for a minute.
CREATE TABLE erasure (
    emergency_id uuid CONSTRAINT erasure_pkey PRIMARY KEY,
    deleted_at timestamptz NOT NULL
);

-- An emergency with its owner, counts of alerts, and responses, as every read of one returns it. The keys of `responses`
-- are read by crates/postgres/src/emergency_row.rs.
--
-- `place` is left out, because a client that selects everything would have to ask for the type of that column first:
-- searches by place select ids from `emergency` and join this view to what they found.
CREATE VIEW emergency_with_parts_v1 AS
SELECT
    e.id, e.owner_id, o.first_name, o.last_name, e.request_id, e.kind, e.category, e.description, e.latitude,
    e.longitude, e.address, e.place_description, e.priority, e.severity, e.silent, e.anonymous, e.status,
    e.alert_radius, e.wave, e.next_alert_at, e.created_at, e.updated_at, e.first_response_at, e.ended_at, e.ended_by,
    e.resolution, e.ending_notes, e.revision, c.alerted, c.acknowledged, c.declined,
    (
        SELECT coalesce(json_agg(json_build_object(
            'helper', json_build_object(
                'person', json_build_object('id', a.id, 'first_name', a.first_name, 'last_name', a.last_name),
                'reputation', json_build_object('trust_score', a.trust_score, 'rating_sum', a.rating_sum,
                    'rating_count', a.rating_count)),
            'status', r.status, 'notes', r.notes, 'estimated_arrival', r.estimated_arrival,
            'responded_at', r.responded_at, 'updated_at', r.updated_at
        ) ORDER BY r.first_responded_at, r.ordinal), '[]')::text
        FROM response r JOIN account a ON a.id = r.helper_id
        WHERE r.emergency_id = e.id
    ) AS responses
FROM emergency e
JOIN account o ON o.id = e.owner_id
CROSS JOIN LATERAL (
    SELECT count(*) AS alerted, count(l.acknowledged_at) AS acknowledged, count(l.declined_at) AS declined
    FROM alert l WHERE l.emergency_id = e.id AND l.wave IS NOT NULL
) AS c;

-- Adds a contact unless the account has `max_contacts` already; tells whether it did. Counting and adding are one step,
-- because the row of the account is locked meanwhile.
CREATE FUNCTION add_contact_v1(
    owner uuid, id uuid, name text, email text, created_at timestamptz, max_contacts integer
) RETURNS boolean LANGUAGE plpgsql AS $$
#variable_conflict use_variable
BEGIN
    PERFORM FROM account a WHERE a.id = owner FOR NO KEY UPDATE;
    IF NOT FOUND OR (SELECT count(*) FROM contact c WHERE c.account_id = owner) >= max_contacts THEN
        RETURN false;
    END IF;
    INSERT INTO contact (id, account_id, name, email, created_at) VALUES (id, owner, name, email, created_at);
    RETURN true;
END $$;
