-- Who takes part, and what the service records about it: responses that count as help for a while after they were completed,
-- repeated reports, ends that are undone, reputation that is given once per pair, and records of deleted emergencies.

-- When the owner last asked for more help, or an end was undone: responses from before do not count as help.
alter table emergency add column renewed_at integer;
-- `next_alert_at` while the emergency is `responding`, which the constraint of that column does not allow: when the next wave
-- is due, or completed responses no longer count as help.
alter table emergency add column resume_at integer
    constraint emergency_resume_check check (resume_at is null or status = 'responding');
create index emergency_resume_due on emergency (resume_at, id) where resume_at is not null;

-- Until when a completed response counts as help.
alter table response add column counts_until integer;
-- How often the helper cancelled.
alter table response add column cancellations integer not null default 0;
-- How often the helper reported the same status since `repeats_since`.
alter table response add column repeats integer not null default 0;
alter table response add column repeats_since integer;
-- Whether a position of the helper since the acceptance was near the emergency. Null without such a position.
alter table response add column came_near integer constraint response_came_near_check check (came_near in (0, 1));
-- The helper has undone an end; the owner has undone an end by this helper.
alter table response add column reopened integer not null default 0
    constraint response_reopened_check check (reopened in (0, 1));
alter table response add column end_undone integer not null default 0
    constraint response_end_undone_check check (end_undone in (0, 1));

-- Trust and ratings that a helper gained from an owner: each once per pair in a while, and taken back if the end is undone.
-- No reference to the emergency, or deleting it would allow the pair to begin anew.
create table reputation_gain (
    emergency_id blob    not null,
    helper_id    blob    not null constraint reputation_gain_helper_fk references account (id),
    kind         text    not null constraint reputation_gain_kind_check check (kind in ('trust', 'rating')),
    owner_id     blob    not null constraint reputation_gain_owner_fk references account (id),
    -- Points of trust; 0 for a rating.
    points       integer not null,
    gained_at    integer not null,
    constraint reputation_gain_pk primary key (emergency_id, helper_id, kind)
) strict, without rowid;

create index reputation_gain_pair on reputation_gain (helper_id, owner_id, kind, gained_at);
-- Retention.
create index reputation_gain_time on reputation_gain (gained_at);

-- What stays of a deleted emergency, for administrators and against a second use of its request id.
create table deleted_emergency (
    id         blob    not null constraint deleted_emergency_pk primary key,
    owner_id   blob    not null constraint deleted_emergency_owner_fk references account (id),
    request_id text,
    kind       text    not null constraint deleted_emergency_kind_check
                       check (kind in ('medical', 'safety', 'accident', 'assault', 'natural_disaster', 'other')),
    status     text    not null constraint deleted_emergency_status_check check (status in ('resolved', 'cancelled')),
    -- Rounded to a kilometre.
    latitude   real    not null constraint deleted_emergency_latitude_check check (latitude between -90 and 90),
    longitude  real    not null constraint deleted_emergency_longitude_check check (longitude between -180 and 180),
    created_at integer not null,
    ended_at   integer not null,
    deleted_at integer not null
) strict, without rowid;

create index deleted_emergency_request on deleted_emergency (owner_id, request_id) where request_id is not null;
-- Pages for administrators; retention.
create index deleted_emergency_created on deleted_emergency (created_at, id);
create index deleted_emergency_deleted on deleted_emergency (deleted_at);

-- Under the policy `open`, a rejected account is not on duty, like a blocked one. `account.duty` is generated and cannot be
-- changed, so the copy in `position` makes the exception.
drop trigger position_inserted;
create trigger position_inserted after insert on position begin
    update position set cell = new.here,
           duty = (select case when a.verification = 'rejected' then 0 else a.duty end from account a
                   where a.id = new.account_id)
    where account_id = new.account_id;
end;
drop trigger account_duty_changed;
create trigger account_duty_changed after update of blocked, verification, available on account
when new.duty <> old.duty or new.verification is not old.verification begin
    update position set duty = case when new.verification = 'rejected' then 0 else new.duty end
    where account_id = new.id;
end;
update position set duty = 0 where account_id in (select id from account where verification = 'rejected');
