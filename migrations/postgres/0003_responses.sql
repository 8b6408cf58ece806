-- Who takes part, and what the service records about it: responses that count as help for a while after they were completed,
-- repeated reports, ends that are undone, reputation that is given once per pair, and records of deleted emergencies.

ALTER TABLE emergency
    -- When the owner last asked for more help, or an end was undone: responses from before do not count as help.
    ADD COLUMN renewed_at timestamptz,
    -- `next_alert_at` while the emergency is `responding`, which the constraint of that column does not allow: when the next
    -- wave is due, or completed responses no longer count as help. Means nothing in another status, in which a node of the
    -- previous release, which does not know the column, may leave it.
    ADD COLUMN resume_at timestamptz;
CREATE INDEX emergency_resume_due ON emergency (resume_at, id) WHERE resume_at IS NOT NULL;

ALTER TABLE response
    -- Until when a completed response counts as help.
    ADD COLUMN counts_until timestamptz,
    -- How often the helper cancelled.
    ADD COLUMN cancellations integer NOT NULL DEFAULT 0,
    -- How often the helper reported the same status since `repeats_since`.
    ADD COLUMN repeats integer NOT NULL DEFAULT 0,
    ADD COLUMN repeats_since timestamptz,
    -- Whether a position of the helper since the acceptance was near the emergency. Null without such a position.
    ADD COLUMN came_near boolean,
    -- The helper has undone an end; the owner has undone an end by this helper.
    ADD COLUMN reopened boolean NOT NULL DEFAULT false,
    ADD COLUMN end_undone boolean NOT NULL DEFAULT false;

-- Trust and ratings that a helper gained from an owner: each once per pair in a while, and taken back if the end is undone.
-- No reference to the emergency, or deleting it would allow the pair to begin anew.
CREATE TABLE reputation_gain (
    emergency_id uuid NOT NULL,
    helper_id uuid NOT NULL CONSTRAINT reputation_gain_helper REFERENCES account,
    kind text NOT NULL CONSTRAINT reputation_gain_kind CHECK (kind IN ('trust', 'rating')),
    owner_id uuid NOT NULL CONSTRAINT reputation_gain_owner REFERENCES account,
    -- Points of trust; 0 for a rating.
    points integer NOT NULL,
    gained_at timestamptz NOT NULL,
    CONSTRAINT reputation_gain_pkey PRIMARY KEY (emergency_id, helper_id, kind)
);
CREATE INDEX reputation_gain_pair ON reputation_gain (helper_id, owner_id, kind, gained_at);
-- Retention.
CREATE INDEX reputation_gain_by_time ON reputation_gain (gained_at);

-- What stays of a deleted emergency, for administrators and against a second use of its request id.
CREATE TABLE deleted_emergency (
    id uuid CONSTRAINT deleted_emergency_pkey PRIMARY KEY,
    owner_id uuid NOT NULL CONSTRAINT deleted_emergency_owner REFERENCES account,
    request_id text,
    kind text NOT NULL CONSTRAINT deleted_emergency_kind
        CHECK (kind IN ('medical', 'safety', 'accident', 'assault', 'natural_disaster', 'other')),
    status text NOT NULL CONSTRAINT deleted_emergency_status CHECK (status IN ('resolved', 'cancelled')),
    -- Rounded to a kilometre.
    latitude double precision NOT NULL CONSTRAINT deleted_emergency_latitude CHECK (latitude BETWEEN -90 AND 90),
    longitude double precision NOT NULL CONSTRAINT deleted_emergency_longitude CHECK (longitude BETWEEN -180 AND 180),
    created_at timestamptz NOT NULL,
    ended_at timestamptz NOT NULL,
    deleted_at timestamptz NOT NULL
);
CREATE INDEX deleted_emergency_request ON deleted_emergency (owner_id, request_id) WHERE request_id IS NOT NULL;
-- Pages for administrators; retention.
CREATE INDEX deleted_emergency_by_time ON deleted_emergency (created_at, id);
CREATE INDEX deleted_emergency_by_deletion ON deleted_emergency (deleted_at);

-- Under the policy `open`, a rejected account is not on duty, like a blocked one.
CREATE OR REPLACE FUNCTION duty(a account) RETURNS smallint LANGUAGE sql IMMUTABLE AS $$
    SELECT CASE
        WHEN a.blocked OR a.verification = 'rejected' THEN 0
        WHEN a.verification = 'verified' AND a.available THEN 2
        WHEN coalesce(a.available, true) THEN 1
        ELSE 0
    END::smallint
$$;
UPDATE position p SET duty = duty(a) FROM account a WHERE a.id = p.account_id AND p.duty <> duty(a);
