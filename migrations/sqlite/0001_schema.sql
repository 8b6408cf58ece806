-- The schema of AllyNet on SQLite.
--
-- An id is the 16 bytes of a UUID. A time is a whole number of microseconds since 1970 in UTC. A truth value is 0 or 1.
-- Every table is `strict`, so that a value of another type is refused. A rule that must hold under any concurrency is a
-- named constraint or a unique index here, not a check in the code: the adapter turns its violation into a refusal.
--
-- Tables that are only found by their primary key are `without rowid`: key and row lie in one tree, and a look-up goes
-- down once.

-- Registered users. An account is never deleted.
create table account (
    id             blob    not null primary key constraint account_id_is_uuid check (length(id) = 16),
    -- In lower case.
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
    -- `verification` and `available` are null together, for an account that never asked to be a helper.
    verification   text    constraint account_verification_check check (verification in ('pending', 'verified', 'rejected')),
    available      integer constraint account_available_check check (available in (0, 1)),
    -- A JSON array of texts.
    skills         text    not null default '[]' constraint account_skills_check check (json_type(skills) = 'array'),
    trust_score    integer not null default 0 constraint account_trust_check check (trust_score between 0 and 1000),
    rating_sum     integer not null default 0 constraint account_rating_sum_check check (rating_sum >= 0),
    rating_count   integer not null default 0 constraint account_rating_count_check check (rating_count >= 0),
    created_at     integer not null,
    -- 2: on duty under every helper policy; 1: on duty under the open policy only; 0: not on duty.
    duty           integer generated always as (
                       case when blocked = 1 then 0
                            when verification = 'verified' and available = 1 then 2
                            when coalesce(available, 1) = 1 then 1
                            else 0 end
                   ) virtual,
    constraint account_helper_check check ((verification is null) = (available is null))
) strict, without rowid;

-- The lists of helpers, in their order.
create index account_helper on account (created_at, id) where verification is not null;
create index account_verification on account (verification, created_at, id) where verification is not null;
-- The number of helpers on duty.
create index account_duty on account (duty);

-- An account as it is read, without what is only needed to log in or to explain a block.
create view account_view as
select id, email, first_name, last_name, phone, avatar, bio, role, blocked, verification, available, skills, trust_score,
       rating_sum, rating_count, created_at
from account;

create table session (
    id              blob    not null primary key constraint session_id_is_uuid check (length(id) = 16),
    account_id      blob    not null constraint session_account_fk references account (id) on delete cascade,
    -- The refresh token whose successors are accepted.
    confirmed_token blob    not null constraint session_token_is_uuid check (length(confirmed_token) = 16),
    created_at      integer not null,
    revoked_at      integer
) strict, without rowid;

create index session_account on session (account_id);

-- Emergency contacts.
create table contact (
    id         blob    not null primary key constraint contact_id_is_uuid check (length(id) = 16),
    account_id blob    not null constraint contact_account_fk references account (id) on delete cascade,
    name       text    not null,
    email      text    not null,
    created_at integer not null
) strict, without rowid;

create index contact_account on contact (account_id, created_at, id);

-- The last position of every account that reported one.
--
-- The table lies in the order of a grid, so that a search for helpers reads neighbouring rows and no other table. A cell
-- is a hundredth of a degree high and wide. Rows of cells are counted from the south pole, cells of a row from the
-- antimeridian: `cell = row * 65536 + column`, so the cells of a row that lie between two meridians are one range.
-- A search for `cell` has to use the same formula.
create table position (
    -- The cell that the row lies in. Written as 0 and set to `here` by the triggers below: writers need not know the grid.
    cell       integer not null default 0,
    account_id blob    not null constraint position_account_key unique
                       constraint position_account_fk references account (id) on delete cascade,
    latitude   real    not null constraint position_latitude_check check (latitude between -90 and 90),
    longitude  real    not null constraint position_longitude_check check (longitude between -180 and 180),
    at         integer not null,
    -- A copy of `account.duty`, kept by triggers.
    duty       integer not null default 0 constraint position_duty_check check (duty in (0, 1, 2)),
    -- The cell of the position.
    here       integer generated always as (
                   cast((latitude + 90) * 100 as integer) * 65536 + cast((longitude + 180) * 100 as integer)
               ) virtual,
    constraint position_pk primary key (cell, account_id)
) strict, without rowid;

-- There is no index of `at`: every report would have to write it, for the one count that asks for fresh positions.

create trigger position_inserted after insert on position begin
    update position set cell = new.here, duty = (select a.duty from account a where a.id = new.account_id)
    where account_id = new.account_id;
end;

-- Most reports come from within the same cell. They change the row in place, and this trigger does not run.
create trigger position_moved after update of latitude, longitude on position when new.here <> new.cell begin
    update position set cell = new.here where account_id = new.account_id;
end;

create trigger account_duty_changed after update of blocked, verification, available on account
when new.duty <> old.duty begin
    update position set duty = new.duty where account_id = new.id;
end;

create table emergency (
    -- A number for the R*Tree of alert areas, which knows rows by nothing else.
    key               integer primary key,
    id                blob    not null constraint emergency_id_key unique
                              constraint emergency_id_is_uuid check (length(id) = 16),
    owner_id          blob    not null constraint emergency_owner_fk references account (id),
    -- Chosen by the client, so that a repeated request raises no second emergency.
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
    -- In metres.
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
    -- When the next wave of alerts is due. It is a column, so that it survives a restart and any process may find it.
    next_alert_at     integer constraint emergency_next_alert_check check (next_alert_at is null or status = 'active'),
    -- Grows with every change; an update names the revision that it was decided on.
    revision          integer not null,
    constraint emergency_ending_check check ((status in ('resolved', 'cancelled')) = (ended_at is not null)),
    constraint emergency_resolved_check check ((status = 'resolved') = (resolution is not null))
) strict;

-- Statements have to write `status in ('active', 'responding')` like this, or SQLite does not use the partial index.
create unique index emergency_one_live on emergency (owner_id) where status in ('active', 'responding');
create unique index emergency_request on emergency (owner_id, request_id) where request_id is not null;
-- Pages of all emergencies. The position is part of it, so that those outside an area are passed over in the index.
create index emergency_status on emergency (status, created_at, id, latitude, longitude);
create index emergency_owner on emergency (owner_id, created_at, id, status);
create index emergency_due on emergency (next_alert_at, id) where next_alert_at is not null;

-- The alert areas of live emergencies: one box, or two across the antimeridian, under `key * 2` and `key * 2 + 1`.
-- Which areas hold a place is a search for a point, however large the radius is. Bounds are 32-bit floats, rounded
-- outwards: a box is never smaller than its area, and a few metres larger.
--
-- The adapter writes the boxes, since they need trigonometry; the triggers remove them.
create virtual table emergency_area using rtree (key, south, north, west, east);

create trigger emergency_ended after update of status on emergency when new.status in ('resolved', 'cancelled') begin
    delete from emergency_area where key in (new.key * 2, new.key * 2 + 1);
end;

create trigger emergency_deleted after delete on emergency begin
    delete from emergency_area where key in (old.key * 2, old.key * 2 + 1);
end;

-- The part of one helper in one emergency. The rowid orders helpers who responded in the same microsecond.
create table response (
    emergency_id       blob    not null constraint response_emergency_fk references emergency (id) on delete cascade,
    helper_id          blob    not null constraint response_helper_fk references account (id),
    status             text    not null constraint response_status_check
                               check (status in ('responding', 'on_way', 'arrived', 'completed', 'cancelled')),
    notes              text,
    estimated_arrival  integer,
    -- A helper who cancelled and responds again keeps the place of the first time.
    first_responded_at integer not null,
    responded_at       integer not null,
    updated_at         integer not null,
    -- 1 while the emergency is live and the helper on the way or there.
    engaged            integer not null constraint response_engaged_check
                               check (engaged = 0 or (engaged = 1 and status in ('responding', 'on_way', 'arrived'))),
    constraint response_pk primary key (emergency_id, helper_id)
) strict;

create unique index response_one_engaged on response (helper_id) where engaged = 1;
create index response_helper on response (helper_id, status, emergency_id);

-- One emergency brought to one helper.
create table alert (
    emergency_id    blob    not null constraint alert_emergency_fk references emergency (id) on delete cascade,
    helper_id       blob    not null constraint alert_helper_fk references account (id),
    -- Null for a helper who declined without having been alerted.
    wave            integer constraint alert_wave_check check (wave >= 1),
    -- In metres.
    distance        real    constraint alert_distance_check check (distance >= 0),
    sent_at         integer,
    acknowledged_at integer,
    declined_at     integer,
    constraint alert_pk primary key (emergency_id, helper_id),
    constraint alert_reason_check check (wave is not null or declined_at is not null),
    constraint alert_sent_check check ((wave is null) = (sent_at is null))
) strict, without rowid;

-- An emergency as it is read: with the name of its owner, its responses in the order of their beginning, and how many
-- helpers were alerted. Ids inside of JSON are hexadecimal digits, since JSON has no bytes.
--
-- SQLite merges the view into the statement that reads it, so a condition on `id` or `key` is a search in `emergency`,
-- and a column that the statement leaves out is not computed.
create view emergency_with_parts as
select e.key, e.id, e.owner_id, o.first_name, o.last_name, e.request_id, e.kind, e.category, e.description, e.latitude,
       e.longitude, e.address, e.place_description, e.priority, e.severity, e.silent, e.anonymous, e.status,
       e.alert_radius, e.wave, e.created_at, e.updated_at, e.first_response_at, e.ended_at, e.ended_by, e.resolution,
       e.ending_notes, e.next_alert_at, e.revision,
       (select json_group_array(
                   json_object('helper_id', hex(r.helper_id), 'first_name', h.first_name, 'last_name', h.last_name,
                               'trust_score', h.trust_score, 'rating_sum', h.rating_sum,
                               'rating_count', h.rating_count, 'status', r.status, 'notes', r.notes,
                               'estimated_arrival', r.estimated_arrival, 'responded_at', r.responded_at,
                               'updated_at', r.updated_at)
                   order by r.first_responded_at, r.rowid)
        from response r join account h on h.id = r.helper_id
        where r.emergency_id = e.id) as responses,
       (select json_object('alerted', count(*), 'acknowledged', count(l.acknowledged_at),
                           'declined', count(l.declined_at))
        from alert l
        where l.emergency_id = e.id and l.wave is not null) as alert_counts
from emergency e join account o on o.id = e.owner_id;

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

-- A message as it is read: with the name of its sender, unless the system wrote it, and with what decides on its
-- readers.
create view message_with_sender as
select m.id, m.emergency_id, e.owner_id, e.anonymous, m.sender_role, m.sender_id, s.first_name, s.last_name,
       m.recipient, m.recipient_id, m.body, m.created_at
from message m join emergency e on e.id = m.emergency_id left join account s on s.id = m.sender_id;

-- What the owner thought of a helper.
create table rating (
    emergency_id blob    not null constraint rating_emergency_fk references emergency (id) on delete cascade,
    helper_id    blob    not null constraint rating_helper_fk references account (id),
    score        integer not null constraint rating_score_check check (score between 1 and 5),
    comment      text,
    created_at   integer not null,
    constraint rating_pk primary key (emergency_id, helper_id)
) strict, without rowid;

-- Complaints. A report names its emergency without a foreign key, because it outlives it.
create table report (
    emergency_id blob    not null,
    reporter_id  blob    not null constraint report_reporter_fk references account (id),
    about_id     blob    not null constraint report_about_fk references account (id),
    reason       text    not null,
    created_at   integer not null,
    constraint report_pk primary key (emergency_id, reporter_id, about_id)
) strict, without rowid;

-- Lists of helpers say how often each was reported.
create index report_about on report (about_id);

-- The event log. `autoincrement`, because a number must never be given twice: a reader's place in the log has to stay
-- right when rows are deleted. No foreign keys: an event outlives what it tells of.
create table event (
    seq          integer primary key autoincrement,
    at           integer not null,
    emergency_id blob,
    actor_id     blob,
    kind         text    not null,
    body         text    not null constraint event_body_check check (json_valid(body))
) strict;

-- The rowid, here `seq`, is the end of every index: the events of an emergency come in order.
create index event_emergency on event (emergency_id) where emergency_id is not null;

-- Deleted emergencies whose events are still there. An emergency may be deleted right after it ended, before every node
-- has sent the end to its clients, so its part of the log is erased some time later.
create table erasure (
    emergency_id blob    not null constraint erasure_pk primary key,
    deleted_at   integer not null
) strict, without rowid;

-- One row: after which event the log is complete. Old events are removed in the same transaction that moves it, so a
-- client that comes back with an older event is told to read the state again instead of a log with holes.
create table event_retention (
    the_only       integer not null primary key constraint event_retention_only_check check (the_only = 1),
    complete_since integer not null
) strict;

insert into event_retention (the_only, complete_since) values (1, 0);
