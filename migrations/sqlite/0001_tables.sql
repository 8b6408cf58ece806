-- The whole schema. Ids are the 16 bytes of a UUID, times are whole microseconds since 1970 in UTC, and every rule that
-- must hold under any concurrency is a constraint here rather than a check in the code.

create table account (
    id             blob    not null primary key constraint account_id_is_uuid check (length(id) = 16),
    email          text    not null constraint account_email_key unique,
    password_hash  text    not null,
    first_name     text    not null,
    last_name      text,
    phone          text,
    avatar         text,
    bio            text,
    role           text    not null constraint account_role_check check (role in ('user', 'helper', 'admin')),
    blocked        integer not null default 0 constraint account_blocked_check check (blocked in (0, 1)),
    blocked_reason text,
    -- Null together: never asked to be a helper.
    verification   text    constraint account_verification_check check (verification in ('pending', 'verified', 'rejected')),
    available      integer constraint account_available_check check (available in (0, 1)),
    skills         text    not null default '[]' constraint account_skills_check check (json_type(skills) = 'array'),
    trust_score    integer not null default 0 constraint account_trust_check check (trust_score between 0 and 1000),
    rating_sum     integer not null default 0 constraint account_rating_sum_check check (rating_sum >= 0),
    rating_count   integer not null default 0 constraint account_rating_count_check check (rating_count >= 0),
    created_at     integer not null,
    constraint account_helper_check check ((verification is null) = (available is null))
) strict, without rowid;

create index account_helper on account (created_at, id) where verification is not null;
create index account_verification on account (verification, created_at, id) where verification is not null;
create index account_duty on account (blocked, verification, available);

create table session (
    id              blob    not null primary key constraint session_id_is_uuid check (length(id) = 16),
    account_id      blob    not null constraint session_account_fk references account (id) on delete cascade,
    confirmed_token blob    not null constraint session_token_is_uuid check (length(confirmed_token) = 16),
    created_at      integer not null,
    revoked_at      integer
) strict, without rowid;

create index session_account on session (account_id);

create table contact (
    id         blob    not null primary key constraint contact_id_is_uuid check (length(id) = 16),
    account_id blob    not null constraint contact_account_fk references account (id) on delete cascade,
    name       text    not null,
    email      text    not null,
    created_at integer not null
) strict, without rowid;

create index contact_account on contact (account_id, created_at, id);

-- The last position of everyone. `key` is what the R*Tree knows a row by.
create table position (
    key        integer primary key,
    account_id blob    not null constraint position_account_key unique
                       constraint position_account_fk references account (id) on delete cascade,
    latitude   real    not null constraint position_latitude_check check (latitude between -90 and 90),
    longitude  real    not null constraint position_longitude_check check (longitude between -180 and 180),
    at         integer not null
) strict;

create index position_at on position (at, account_id);

-- Stores 32-bit floats, rounded outwards: a box holds its point, and is a few metres larger.
create virtual table position_area using rtree (key, south, north, west, east);

create trigger position_inserted after insert on position begin
    insert into position_area values (new.key, new.latitude, new.latitude, new.longitude, new.longitude);
end;

-- Most updates come from phones that lie still.
create trigger position_moved after update of latitude, longitude on position
when new.latitude <> old.latitude or new.longitude <> old.longitude begin
    update position_area set south = new.latitude, north = new.latitude, west = new.longitude, east = new.longitude
    where key = new.key;
end;

create trigger position_deleted after delete on position begin
    delete from position_area where key = old.key;
end;

create table emergency (
    key               integer primary key,
    id                blob    not null constraint emergency_id_key unique
                              constraint emergency_id_is_uuid check (length(id) = 16),
    owner_id          blob    not null constraint emergency_owner_fk references account (id),
    request_id        text,
    kind              text    not null constraint emergency_kind_check
                              check (kind in ('medical', 'safety', 'accident', 'assault', 'natural_disaster', 'other')),
    category          text,
    description       text,
    latitude          real    not null constraint emergency_latitude_check check (latitude between -90 and 90),
    longitude         real    not null constraint emergency_longitude_check check (longitude between -180 and 180),
    address           text,
    place_description text,
    priority          text    not null constraint emergency_priority_check
                              check (priority in ('low', 'medium', 'high', 'critical')),
    severity          integer not null constraint emergency_severity_check check (severity between 1 and 10),
    silent            integer not null constraint emergency_silent_check check (silent in (0, 1)),
    anonymous         integer not null constraint emergency_anonymous_check check (anonymous in (0, 1)),
    status            text    not null constraint emergency_status_check
                              check (status in ('active', 'responding', 'resolved', 'cancelled')),
    alert_radius      real    not null constraint emergency_alert_radius_check check (alert_radius >= 0),
    wave              integer not null constraint emergency_wave_check check (wave >= 0),
    created_at        integer not null,
    updated_at        integer not null,
    first_response_at integer,
    ended_at          integer,
    ended_by          blob    constraint emergency_ended_by_is_uuid check (length(ended_by) = 16),
    resolution        text    constraint emergency_resolution_check
                              check (resolution in ('user_resolved', 'helper_resolved', 'admin_resolved', 'auto_expired')),
    ending_notes      text,
    revision          integer not null,
    constraint emergency_ending_check check ((status in ('resolved', 'cancelled')) = (ended_at is not null)),
    constraint emergency_resolved_check check ((status = 'resolved') = (resolution is not null))
) strict;

create unique index emergency_one_live on emergency (owner_id) where status in ('active', 'responding');
create unique index emergency_request on emergency (owner_id, request_id) where request_id is not null;
create index emergency_status on emergency (status, created_at, id, latitude, longitude);
create index emergency_owner on emergency (owner_id, created_at, id, status);

-- The alert areas of live emergencies: one box, or two across the antimeridian, under `key * 2` and `key * 2 + 1`.
-- Who is in an area is then a search for a point, however large the radius is.
create virtual table emergency_area using rtree (key, south, north, west, east);

create trigger emergency_ended after update of status on emergency when new.status in ('resolved', 'cancelled') begin
    delete from emergency_area where key in (new.key * 2, new.key * 2 + 1);
end;

create trigger emergency_deleted after delete on emergency begin
    delete from emergency_area where key in (old.key * 2, old.key * 2 + 1);
end;

-- The hidden rowid breaks ties between helpers who accepted in the same microsecond.
create table response (
    emergency_id       blob    not null constraint response_emergency_fk references emergency (id) on delete cascade,
    helper_id          blob    not null constraint response_helper_fk references account (id),
    status             text    not null constraint response_status_check
                               check (status in ('responding', 'on_way', 'arrived', 'completed', 'cancelled')),
    notes              text,
    estimated_arrival  integer,
    first_responded_at integer not null,
    responded_at       integer not null,
    updated_at         integer not null,
    -- Bound to this emergency: under way or there, and it is live.
    engaged            integer not null constraint response_engaged_check
                               check (engaged = 0 or (engaged = 1 and status in ('responding', 'on_way', 'arrived'))),
    constraint response_pk primary key (emergency_id, helper_id)
) strict;

create unique index response_one_engaged on response (helper_id) where engaged = 1;
create index response_helper on response (helper_id, status, emergency_id);

create table alert (
    emergency_id    blob    not null constraint alert_emergency_fk references emergency (id) on delete cascade,
    helper_id       blob    not null constraint alert_helper_fk references account (id),
    -- Null for one who declined without having been alerted.
    wave            integer constraint alert_wave_check check (wave >= 1),
    distance        real    constraint alert_distance_check check (distance >= 0),
    sent_at         integer,
    acknowledged_at integer,
    declined_at     integer,
    constraint alert_pk primary key (emergency_id, helper_id),
    constraint alert_reason_check check (wave is not null or declined_at is not null),
    constraint alert_sent_check check ((wave is null) = (sent_at is null))
) strict, without rowid;

create table message (
    id           blob    not null primary key constraint message_id_is_uuid check (length(id) = 16),
    emergency_id blob    not null constraint message_emergency_fk references emergency (id) on delete cascade,
    sender_role  text    not null constraint message_sender_role_check check (sender_role in ('creator', 'helper', 'system')),
    sender_id    blob    constraint message_sender_fk references account (id),
    recipient    text    not null constraint message_recipient_check
                         check (recipient in ('everyone', 'creator', 'owner', 'helper')),
    recipient_id blob    constraint message_recipient_fk references account (id),
    body         text    not null,
    created_at   integer not null,
    constraint message_sender_check check ((sender_role = 'system') = (sender_id is null)),
    constraint message_recipient_id_check check ((recipient = 'helper') = (recipient_id is not null))
) strict, without rowid;

create index message_emergency on message (emergency_id, created_at, id);

create table rating (
    emergency_id blob    not null constraint rating_emergency_fk references emergency (id) on delete cascade,
    helper_id    blob    not null constraint rating_helper_fk references account (id),
    score        integer not null constraint rating_score_check check (score between 1 and 5),
    comment      text,
    created_at   integer not null,
    constraint rating_pk primary key (emergency_id, helper_id)
) strict, without rowid;

-- Knows its emergency by id only: a complaint outlives what it is about.
create table report (
    emergency_id blob    not null,
    reporter_id  blob    not null constraint report_reporter_fk references account (id),
    about_id     blob    not null constraint report_about_fk references account (id),
    reason       text    not null,
    created_at   integer not null,
    constraint report_pk primary key (emergency_id, reporter_id, about_id)
) strict, without rowid;

-- The log. Numbers are never given twice, so that a reader's place in it stays right when rows are deleted.
create table event (
    seq          integer primary key autoincrement,
    at           integer not null,
    emergency_id blob,
    actor_id     blob,
    kind         text    not null,
    body         text    not null constraint event_body_check check (json_valid(body))
) strict;

create index event_emergency on event (emergency_id) where emergency_id is not null;
