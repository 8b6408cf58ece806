-- All tables. Rules that must hold under any concurrency are constraints here, not checks in the program: the names
-- of the unique ones are part of the program, which turns their violation into a refusal.
-- The extension comes first, and only if it is missing, because making it takes a superuser.

CREATE EXTENSION IF NOT EXISTS postgis;

CREATE TABLE account (
    id uuid CONSTRAINT account_pkey PRIMARY KEY,
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
    -- Both null: never asked to be a helper.
    verification text CONSTRAINT account_verification CHECK (verification IN ('pending', 'verified', 'rejected')),
    available boolean,
    skills text[] NOT NULL DEFAULT '{}',
    trust_score integer NOT NULL DEFAULT 0 CONSTRAINT account_trust_score CHECK (trust_score BETWEEN 0 AND 1000),
    rating_sum integer NOT NULL DEFAULT 0 CONSTRAINT account_rating_sum CHECK (rating_sum >= 0),
    rating_count integer NOT NULL DEFAULT 0 CONSTRAINT account_rating_count CHECK (rating_count >= 0),
    created_at timestamptz NOT NULL,
    CONSTRAINT account_helper CHECK ((verification IS NULL) = (available IS NULL))
);
CREATE INDEX account_helpers ON account (created_at, id) WHERE verification IS NOT NULL;
CREATE INDEX account_on_duty ON account (id) WHERE NOT blocked AND verification = 'verified' AND available;
CREATE INDEX account_helpers_by_verification ON account (verification, created_at, id) WHERE verification IS NOT NULL;

CREATE TABLE session (
    id uuid CONSTRAINT session_pkey PRIMARY KEY,
    account_id uuid NOT NULL CONSTRAINT session_account REFERENCES account ON DELETE CASCADE,
    confirmed_token uuid NOT NULL,
    created_at timestamptz NOT NULL,
    revoked_at timestamptz
);
CREATE INDEX session_by_account ON session (account_id) WHERE revoked_at IS NULL;

CREATE TABLE contact (
    id uuid CONSTRAINT contact_pkey PRIMARY KEY,
    account_id uuid NOT NULL CONSTRAINT contact_account REFERENCES account ON DELETE CASCADE,
    name text NOT NULL,
    email text NOT NULL,
    created_at timestamptz NOT NULL
);
CREATE INDEX contact_by_account ON contact (account_id, created_at, id);

-- The hot path: one narrow row per user, rewritten again and again, so it is cleaned up early.
CREATE TABLE position (
    account_id uuid CONSTRAINT position_pkey PRIMARY KEY
        CONSTRAINT position_account REFERENCES account ON DELETE CASCADE,
    place geography(Point, 4326) NOT NULL,
    at timestamptz NOT NULL
) WITH (autovacuum_vacuum_scale_factor = 0.05);
CREATE INDEX position_place ON position USING gist (place);

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
    alert_radius double precision NOT NULL CONSTRAINT emergency_alert_radius CHECK (alert_radius >= 0),
    wave integer NOT NULL CONSTRAINT emergency_wave CHECK (wave >= 0),
    created_at timestamptz NOT NULL,
    updated_at timestamptz NOT NULL,
    first_response_at timestamptz,
    ended_at timestamptz,
    ended_by uuid CONSTRAINT emergency_ended_by REFERENCES account,
    resolution text CONSTRAINT emergency_resolution
        CHECK (resolution IN ('user_resolved', 'helper_resolved', 'admin_resolved', 'auto_expired')),
    ending_notes text,
    revision bigint NOT NULL,
    CONSTRAINT emergency_ended CHECK ((status IN ('resolved', 'cancelled')) = (ended_at IS NOT NULL))
);
CREATE UNIQUE INDEX emergency_live_owner ON emergency (owner_id) WHERE status IN ('active', 'responding');
CREATE UNIQUE INDEX emergency_request_id ON emergency (owner_id, request_id) WHERE request_id IS NOT NULL;
CREATE INDEX emergency_live_place ON emergency USING gist (place) WHERE status IN ('active', 'responding');
CREATE INDEX emergency_place ON emergency USING gist (place);
CREATE INDEX emergency_live_radius ON emergency (alert_radius) WHERE status IN ('active', 'responding');
CREATE INDEX emergency_live_by_time ON emergency (created_at, id) WHERE status IN ('active', 'responding');
CREATE INDEX emergency_by_status ON emergency (status, created_at, id);
CREATE INDEX emergency_by_owner ON emergency (owner_id, created_at, id);

CREATE TABLE response (
    emergency_id uuid NOT NULL CONSTRAINT response_emergency REFERENCES emergency ON DELETE CASCADE,
    helper_id uuid NOT NULL CONSTRAINT response_helper REFERENCES account,
    -- Who accepted first, where the clock cannot tell.
    ordinal bigint NOT NULL GENERATED ALWAYS AS IDENTITY,
    status text NOT NULL CONSTRAINT response_status
        CHECK (status IN ('responding', 'on_way', 'arrived', 'completed', 'cancelled')),
    notes text,
    estimated_arrival timestamptz,
    first_responded_at timestamptz NOT NULL,
    responded_at timestamptz NOT NULL,
    updated_at timestamptz NOT NULL,
    -- Bound to this emergency, which is live.
    engaged boolean NOT NULL CONSTRAINT response_engaged_status
        CHECK (NOT engaged OR status IN ('responding', 'on_way', 'arrived')),
    CONSTRAINT response_pkey PRIMARY KEY (emergency_id, helper_id)
);
CREATE UNIQUE INDEX response_engaged ON response (helper_id) WHERE engaged;
CREATE INDEX response_by_helper ON response (helper_id) WHERE status <> 'cancelled';

CREATE TABLE alert (
    emergency_id uuid NOT NULL CONSTRAINT alert_emergency REFERENCES emergency ON DELETE CASCADE,
    helper_id uuid NOT NULL CONSTRAINT alert_helper REFERENCES account,
    -- These three are null for one who declined without having been alerted.
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
    -- How the recipient was addressed: the owner without knowing who that is, the owner by id, a helper.
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

-- The log. Its readers rely on numbers that are drawn one by one: the sequence must not be cached.
-- No references: it tells what happened, whatever became of it.
CREATE TABLE event (
    seq bigint GENERATED ALWAYS AS IDENTITY (CACHE 1) CONSTRAINT event_pkey PRIMARY KEY,
    at timestamptz NOT NULL,
    emergency_id uuid,
    actor_id uuid,
    kind text NOT NULL,
    body jsonb NOT NULL
);
CREATE INDEX event_by_emergency ON event (emergency_id, seq) WHERE emergency_id IS NOT NULL;
