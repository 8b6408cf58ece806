-- When helpers want to be alerted: their preferences, what follows from them, and copies for the search for helpers.

-- JSON that only the domain reads (crates/domain/src/availability.rs). Null for the default.
alter table account add column alert_preferences text
    constraint account_alert_preferences_check check (json_valid(alert_preferences));
-- Which emergencies reach the helper while on duty, as the log says.
alter table account add column alert_scope text not null default 'all'
    constraint account_alert_scope_check check (alert_scope in ('none', 'critical', 'all'));
-- The present absence because of quiet hours or a pause, or else the next one. A search compares times only.
alter table account add column away_from integer;
alter table account add column away_until integer;
-- Whether critical emergencies do not reach the helper in it either.
alter table account add column away_from_critical integer not null default 0
    constraint account_away_check check (away_from_critical in (0, 1) and (away_from is null) = (away_until is null));
-- By which further channels the helper wants to be alerted.
alter table account add column notify_email integer not null default 0
    constraint account_notify_email_check check (notify_email in (0, 1));
alter table account add column notify_sms integer not null default 0
    constraint account_notify_sms_check check (notify_sms in (0, 1));
-- Maximum number of different owners whose emergencies ring the helper in 24 hours.
alter table account add column max_alerts_per_day integer
    constraint account_max_alerts_check check (max_alerts_per_day between 1 and 50);
-- When all of this is computed again.
alter table account add column alert_review_at integer;
-- Timers.
create index account_alert_review on account (alert_review_at) where alert_review_at is not null;

-- As before (0014), with the new columns that the domain reads.
drop view account_view;
create view account_view as
select id, email, first_name, last_name, phone, avatar, bio, role, blocked, verification, available, alert_preferences,
       alert_scope, skills, trust_score, rating_sum, rating_count, created_at, locale
from account;

-- Copies, as `duty` is, so that a search for helpers reads no other table.
alter table position add column away_from integer;
alter table position add column away_until integer;
alter table position add column away_from_critical integer not null default 0;
alter table position add column max_alerts_per_day integer;

create trigger position_inserted_absence after insert on position begin
    update position
    set (away_from, away_until, away_from_critical, max_alerts_per_day) =
        (select a.away_from, a.away_until, a.away_from_critical, a.max_alerts_per_day
         from account a where a.id = new.account_id)
    where account_id = new.account_id;
end;

create trigger account_absence after update of away_from, away_until, away_from_critical, max_alerts_per_day on account
begin
    update position
    set away_from = new.away_from, away_until = new.away_until, away_from_critical = new.away_from_critical,
        max_alerts_per_day = new.max_alerts_per_day
    where account_id = new.id;
end;

-- The rings of a helper in a day; and the newest rings of all.
create index ring_by_helper on ring (helper_id, rung_at);
create index ring_by_time on ring (rung_at);
