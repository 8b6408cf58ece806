-- Devices: where users are reached without a connection, by Web Push.

create table device (
    id                blob    not null primary key constraint device_id_is_uuid check (length(id) = 16),
    account_id        blob    not null constraint device_account_fk references account (id) on delete cascade,
    -- The session that registered it, and with which it ends. One device each.
    session_id        blob    not null constraint device_session_fk references session (id) on delete cascade,
    name              text,
    -- The subscription: a URL, and the keys of the browser. Secret: with all three anybody can send to the device.
    endpoint          text    not null,
    p256dh            blob    not null constraint device_p256dh_check check (length(p256dh) = 65),
    auth              blob    not null constraint device_auth_check check (length(auth) = 16),
    -- The public key of the service under which it was registered.
    push_key          blob    not null constraint device_push_key_check check (length(push_key) = 65),
    created_at        integer not null,
    -- When a push service last accepted a message for it, and when it last confirmed one.
    last_sent_at      integer,
    last_delivered_at integer,
    -- Pushes in a row that were refused.
    refused           integer not null default 0 constraint device_refused_check check (refused >= 0)
) strict;

create unique index device_session on device (session_id);
create unique index device_endpoint on device (endpoint);
create index device_by_account on device (account_id, created_at, id);
