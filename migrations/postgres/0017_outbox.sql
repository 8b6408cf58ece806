-- The outbox: messages to users who may have no connection, and their deliveries to devices.

-- Written by the change that causes them. Not bound to the emergency: its end is still to be sent when it is deleted.
CREATE TABLE outbox (
    id uuid CONSTRAINT outbox_pkey PRIMARY KEY DEFAULT gen_random_uuid(),
    kind text NOT NULL CONSTRAINT outbox_kind
        CHECK (kind IN ('alert', 'ended', 'joined', 'arrived', 'unanswered', 'message', 'test')),
    user_id uuid NOT NULL CONSTRAINT outbox_user REFERENCES account ON DELETE CASCADE,
    emergency_id uuid,
    emergency_kind text,
    -- The event of the same content.
    event_id bigint,
    -- In metres, of an alert.
    distance double precision,
    -- The only device, of a test.
    device_id uuid CONSTRAINT outbox_device REFERENCES device ON DELETE CASCADE,
    created_at timestamptz NOT NULL,
    -- What a device received since then is this message; an alert that is repeated keeps it.
    counts_since timestamptz NOT NULL,
    expires_at timestamptz NOT NULL,
    -- The next step and when it is due; NULL after the last. A claim moves the time to its end.
    step smallint NOT NULL DEFAULT 0,
    due_at timestamptz
);
CREATE INDEX outbox_due ON outbox (due_at) WHERE due_at IS NOT NULL;
CREATE INDEX outbox_by_age ON outbox (created_at);
-- A repeated alert takes the place of the one before.
CREATE UNIQUE INDEX outbox_alert ON outbox (emergency_id, user_id) WHERE kind = 'alert';
CREATE INDEX outbox_by_recipient ON outbox (emergency_id, user_id, kind, created_at);
CREATE INDEX outbox_by_user ON outbox (user_id);
CREATE INDEX outbox_by_device ON outbox (device_id) WHERE device_id IS NOT NULL;

CREATE TABLE delivery (
    id uuid CONSTRAINT delivery_pkey PRIMARY KEY,
    outbox_id uuid NOT NULL CONSTRAINT delivery_outbox REFERENCES outbox ON DELETE CASCADE,
    channel text NOT NULL CONSTRAINT delivery_channel CHECK (channel IN ('webpush', 'email', 'webhook')),
    -- Of a push.
    device_id uuid CONSTRAINT delivery_device REFERENCES device ON DELETE CASCADE,
    -- The step that planned it last, and when that was, or when it was sent.
    step smallint NOT NULL,
    planned_at timestamptz NOT NULL,
    -- When the next attempt is due; NULL when there is none. A claim moves it to its end.
    due_at timestamptz,
    attempts integer NOT NULL DEFAULT 0,
    -- When the other side last accepted it, and when the receiver confirmed it.
    sent_at timestamptz,
    delivered_at timestamptz,
    seen_at timestamptz,
    -- The hash of the token with which the receiver confirms it.
    receipt_hash uuid NOT NULL CONSTRAINT delivery_receipt UNIQUE,
    CONSTRAINT delivery_has_device CHECK ((channel = 'webpush') = (device_id IS NOT NULL))
);
-- One for each device, and one for each other channel.
CREATE UNIQUE INDEX delivery_once ON delivery (outbox_id, channel, coalesce(device_id, outbox_id));
CREATE INDEX delivery_due ON delivery (due_at) WHERE due_at IS NOT NULL;
CREATE INDEX delivery_by_device ON delivery (device_id);

-- When a device last received an alert of an emergency, by a push or by its connection.
CREATE TABLE alert_receipt (
    emergency_id uuid NOT NULL CONSTRAINT alert_receipt_emergency REFERENCES emergency ON DELETE CASCADE,
    device_id uuid NOT NULL CONSTRAINT alert_receipt_device REFERENCES device ON DELETE CASCADE,
    received_at timestamptz NOT NULL,
    CONSTRAINT alert_receipt_pkey PRIMARY KEY (emergency_id, device_id)
);
CREATE INDEX alert_receipt_by_device ON alert_receipt (device_id);

ALTER TABLE device
    -- The push key of the service of which the user was told that the device was registered under another one.
    ADD COLUMN told_key bytea,
    -- Since when the push service does not know the subscription.
    ADD COLUMN unknown_since timestamptz,
    -- Test messages: the last one, when the present hour began, and how many since.
    ADD COLUMN last_test_at timestamptz,
    ADD COLUMN tests_from timestamptz,
    ADD COLUMN tests integer NOT NULL DEFAULT 0;
-- Devices of other keys than the present one.
CREATE INDEX device_by_push_key ON device (push_key);
