-- The tables of the peer. Rules that must hold under concurrency are constraints, searches are by index.

CREATE EXTENSION IF NOT EXISTS postgis;

CREATE TABLE users (
    id uuid PRIMARY KEY,
    email text NOT NULL UNIQUE,
    password_hash text NOT NULL,
    first_name text NOT NULL,
    last_name text,
    phone text,
    role text NOT NULL DEFAULT 'user',
    is_active boolean NOT NULL DEFAULT true,
    verification text,
    available boolean,
    trust_score integer NOT NULL DEFAULT 0,
    rating_sum integer NOT NULL DEFAULT 0,
    rating_count integer NOT NULL DEFAULT 0,
    created_at timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE sessions (
    id uuid PRIMARY KEY,
    user_id uuid NOT NULL REFERENCES users ON DELETE CASCADE,
    created_at timestamptz NOT NULL DEFAULT now(),
    revoked_at timestamptz
);

CREATE TABLE positions (
    user_id uuid PRIMARY KEY REFERENCES users ON DELETE CASCADE,
    place geography(Point, 4326) NOT NULL,
    updated_at timestamptz NOT NULL
);
CREATE INDEX positions_place ON positions USING gist (place);

CREATE TABLE emergencies (
    id uuid PRIMARY KEY,
    owner_id uuid NOT NULL REFERENCES users,
    request_id text,
    type text NOT NULL,
    category text,
    description text,
    latitude double precision NOT NULL,
    longitude double precision NOT NULL,
    place geography(Point, 4326) NOT NULL,
    address text,
    place_description text,
    priority text NOT NULL,
    severity smallint NOT NULL,
    silent_mode boolean NOT NULL,
    anonymous_mode boolean NOT NULL,
    status text NOT NULL,
    alert_radius integer NOT NULL,
    created_at timestamptz NOT NULL,
    updated_at timestamptz NOT NULL,
    first_response_at timestamptz,
    resolved_at timestamptz,
    resolved_by uuid REFERENCES users,
    resolution_type text,
    resolution_notes text
);
CREATE UNIQUE INDEX emergencies_live_owner ON emergencies (owner_id) WHERE status IN ('active', 'responding');
CREATE UNIQUE INDEX emergencies_request ON emergencies (owner_id, request_id) WHERE request_id IS NOT NULL;
CREATE INDEX emergencies_live_place ON emergencies USING gist (place) WHERE status IN ('active', 'responding');
CREATE INDEX emergencies_owner ON emergencies (owner_id, created_at);

CREATE TABLE responses (
    emergency_id uuid NOT NULL REFERENCES emergencies ON DELETE CASCADE,
    helper_id uuid NOT NULL REFERENCES users,
    status text NOT NULL,
    notes text,
    estimated_arrival timestamptz,
    responded_at timestamptz NOT NULL,
    updated_at timestamptz NOT NULL,
    PRIMARY KEY (emergency_id, helper_id)
);
CREATE INDEX responses_helper ON responses (helper_id);

CREATE TABLE alerts (
    emergency_id uuid NOT NULL REFERENCES emergencies ON DELETE CASCADE,
    helper_id uuid NOT NULL REFERENCES users,
    distance double precision NOT NULL,
    sent_at timestamptz NOT NULL,
    acknowledged_at timestamptz,
    declined_at timestamptz,
    PRIMARY KEY (emergency_id, helper_id)
);

CREATE TABLE messages (
    id uuid PRIMARY KEY,
    emergency_id uuid NOT NULL REFERENCES emergencies ON DELETE CASCADE,
    sender_role text NOT NULL,
    sender_id uuid REFERENCES users,
    recipient_id uuid REFERENCES users,
    body text NOT NULL,
    created_at timestamptz NOT NULL
);
CREATE INDEX messages_emergency ON messages (emergency_id, created_at);

-- What happened, for the timeline.
CREATE TABLE events (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    emergency_id uuid NOT NULL,
    actor_id uuid,
    name text NOT NULL,
    data jsonb NOT NULL,
    at timestamptz NOT NULL
);
CREATE INDEX events_emergency ON events (emergency_id, id);
