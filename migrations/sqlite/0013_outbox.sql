-- The outbox: messages to users who may have no connection, and their deliveries to devices.

-- Written by the change that causes them. Not bound to the emergency: its end is still to be sent when it is deleted.
create table outbox (
    id             blob    not null primary key constraint outbox_id_is_uuid check (length(id) = 16),
    kind           text    not null constraint outbox_kind_check
        check (kind in ('alert', 'ended', 'joined', 'arrived', 'unanswered', 'message', 'test')),
    user_id        blob    not null constraint outbox_user_fk references account (id) on delete cascade,
    emergency_id   blob,
    emergency_kind text,
    -- The event of the same content.
    event_id       integer,
    -- In metres, of an alert.
    distance       real,
    -- The only device, of a test.
    device_id      blob    constraint outbox_device_fk references device (id) on delete cascade,
    created_at     integer not null,
    -- What a device received since then is this message; an alert that is repeated keeps it.
    counts_since   integer not null,
    expires_at     integer not null,
    -- The next step and when it is due; null after the last. A claim moves the time to its end.
    step           integer not null default 0,
    due_at         integer
) strict;

create index outbox_due on outbox (due_at) where due_at is not null;
create index outbox_by_age on outbox (created_at);
-- A repeated alert takes the place of the one before.
create unique index outbox_alert on outbox (emergency_id, user_id) where kind = 'alert';
create index outbox_by_recipient on outbox (emergency_id, user_id, kind, created_at);
create index outbox_by_user on outbox (user_id);
create index outbox_by_device on outbox (device_id) where device_id is not null;

create table delivery (
    id           blob    not null primary key constraint delivery_id_is_uuid check (length(id) = 16),
    outbox_id    blob    not null constraint delivery_outbox_fk references outbox (id) on delete cascade,
    channel      text    not null constraint delivery_channel_check check (channel in ('webpush', 'email', 'webhook')),
    -- Of a push.
    device_id    blob    constraint delivery_device_fk references device (id) on delete cascade,
    -- The step that planned it last, and when that was, or when it was sent.
    step         integer not null,
    planned_at   integer not null,
    -- When the next attempt is due; null when there is none. A claim moves it to its end.
    due_at       integer,
    attempts     integer not null default 0,
    -- When the other side last accepted it, and when the receiver confirmed it.
    sent_at      integer,
    delivered_at integer,
    seen_at      integer,
    -- The hash of the token with which the receiver confirms it.
    receipt_hash blob    not null,
    constraint delivery_has_device_check check ((channel = 'webpush') = (device_id is not null))
) strict;

create unique index delivery_receipt on delivery (receipt_hash);
-- One for each device, and one for each other channel.
create unique index delivery_once on delivery (outbox_id, channel, coalesce(device_id, outbox_id));
create index delivery_due on delivery (due_at) where due_at is not null;
create index delivery_by_device on delivery (device_id);

-- When a device last received an alert of an emergency, by a push or by its connection.
create table alert_receipt (
    emergency_id blob    not null constraint alert_receipt_emergency_fk references emergency (id) on delete cascade,
    device_id    blob    not null constraint alert_receipt_device_fk references device (id) on delete cascade,
    received_at  integer not null,
    primary key (emergency_id, device_id)
) strict, without rowid;

create index alert_receipt_by_device on alert_receipt (device_id);

-- The push key of the service of which the user was told that the device was registered under another one.
alter table device add column told_key blob;
-- Since when the push service does not know the subscription.
alter table device add column unknown_since integer;
-- Test messages: the last one, when the present hour began, and how many since.
alter table device add column last_test_at integer;
alter table device add column tests_from integer;
alter table device add column tests integer not null default 0;
-- Devices of other keys than the present one.
create index device_by_push_key on device (push_key);
