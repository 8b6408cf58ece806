-- Devices: where users are reached without a connection, by Web Push.

CREATE TABLE device (
    id uuid CONSTRAINT device_pkey PRIMARY KEY,
    account_id uuid NOT NULL CONSTRAINT device_account REFERENCES account ON DELETE CASCADE,
    -- The session that registered it, and with which it ends. One device each.
    session_id uuid NOT NULL CONSTRAINT device_session UNIQUE
        CONSTRAINT device_session_exists REFERENCES session ON DELETE CASCADE,
    name text,
    -- The subscription: a URL of at most 2,048 bytes, which fits into the index, and the keys of the browser. Secret:
    -- with all three anybody can send to the device.
    endpoint text NOT NULL CONSTRAINT device_endpoint UNIQUE,
    p256dh bytea NOT NULL CONSTRAINT device_p256dh CHECK (length(p256dh) = 65),
    auth bytea NOT NULL CONSTRAINT device_auth CHECK (length(auth) = 16),
    -- The public key of the service under which it was registered.
    push_key bytea NOT NULL CONSTRAINT device_push_key CHECK (length(push_key) = 65),
    created_at timestamptz NOT NULL,
    -- When a push service last accepted a message for it, and when it last confirmed one.
    last_sent_at timestamptz,
    last_delivered_at timestamptz,
    -- Pushes in a row that were refused.
    refused integer NOT NULL DEFAULT 0 CONSTRAINT device_refused CHECK (refused >= 0)
);
CREATE INDEX device_by_account ON device (account_id, created_at, id);
