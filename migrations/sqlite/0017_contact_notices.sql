-- What emergency contacts are told of emergencies.

-- When it is decided next what the contacts of an emergency's owner are told. Made by the changes that matter to them, if one of
-- them has agreed. Not bound to the emergency: its end is still to be told when it is deleted.
create table contact_review (
    emergency_id blob    not null primary key
                         constraint contact_review_emergency_is_uuid check (length(emergency_id) = 16),
    owner_id     blob    not null constraint contact_review_owner_fk references account (id) on delete cascade,
    -- Null until the emergency changes. A claim moves it to its end.
    due_at       integer,
    -- When the database was restored: alerts that were due until then may have been sent.
    alerts_after integer
) strict;

create index contact_review_due on contact_review (due_at) where due_at is not null;
create index contact_review_owner on contact_review (owner_id);

-- What an address was told of an emergency, and what waits to be sent to it.
create table contact_notice (
    id            blob    not null primary key constraint contact_notice_id_is_uuid check (length(id) = 16),
    emergency_id  blob    not null
                          constraint contact_notice_review_fk references contact_review (emergency_id) on delete cascade,
    consent_id    blob    not null constraint contact_notice_consent_fk references contact_consent (id) on delete cascade,
    -- The contact that it began with, which may be removed since.
    contact_id    blob    not null constraint contact_notice_contact_is_uuid check (length(contact_id) = 16),
    queued        text    constraint contact_notice_queued_check check (queued in ('alert', 'ended', 'resumed')),
    told          text    constraint contact_notice_told_check check (told in ('alert', 'ended', 'resumed')),
    -- The id of the email, the same when it is sent again.
    mail_id       blob    not null constraint contact_notice_mail_is_uuid check (length(mail_id) = 16),
    queued_at     integer not null,
    -- When the next attempt is due; null when nothing is queued.
    due_at        integer,
    -- Notices that are due are sent in this order.
    turn_at       integer not null,
    -- Set while a node sends it. One that has passed belongs to a node that died, and may have sent it.
    claimed_until integer,
    attempts      integer not null default 0,
    failed_at     integer,
    -- When the contact said that they are with the owner, and that they have called the emergency number.
    with_owner_at integer,
    called_at     integer,
    constraint contact_notice_due_if_queued check ((queued is null) = (due_at is null))
) strict;

create unique index contact_notice_once on contact_notice (emergency_id, consent_id);
create index contact_notice_turn on contact_notice (turn_at) where due_at is not null;
create index contact_notice_consent on contact_notice (consent_id);
