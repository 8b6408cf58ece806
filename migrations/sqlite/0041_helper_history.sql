-- What helpers did with earlier alerts: how likely somebody comes is estimated from these counts, and from nothing else about a person.
--
-- An alert counts once its answer came or its emergency ended, and only if a device received it: otherwise it tells about the device.
-- No row stands for no alert. No foreign key: see the same table of PostgreSQL. Alerts of a deleted account stand for a former user, of
-- whom nothing is counted.
create table helper_history (
    account_id blob    not null primary key,
    alerts     integer not null constraint helper_history_alerts_check check (alerts >= 0),
    accepted   integer not null constraint helper_history_accepted_check check (accepted >= 0),
    declined   integer not null constraint helper_history_declined_check check (declined >= 0),
    arrived    integer not null constraint helper_history_arrived_check check (arrived >= 0),
    -- Acceptances that were neither cancelled nor stalled.
    kept       integer not null constraint helper_history_kept_check check (kept >= 0)
) strict, without rowid;

-- The newest alert of a helper before a time.
create index alert_by_helper_time on alert (helper_id, sent_at) where wave is not null;

-- Of a helper who was alerted: the first answer counts the alert, each acceptance and arrival counts, and what was cancelled or has
-- stalled is not kept. Who was told that they need not come may cancel.
create trigger response_counted after insert on response
when exists (select 1 from alert l where l.emergency_id = new.emergency_id and l.helper_id = new.helper_id and l.wave is not null)
    and exists (select 1 from account a where a.id = new.helper_id and a.deleted_at is null) begin
    insert into helper_history (account_id, alerts, accepted, declined, arrived, kept) values (new.helper_id, 0, 0, 0, 0, 0)
        on conflict (account_id) do nothing;
    update helper_history set
        alerts = alerts + (select l.declined_at is null from alert l
                           where l.emergency_id = new.emergency_id and l.helper_id = new.helper_id),
        accepted = accepted + 1, arrived = arrived + (new.status = 'arrived'),
        kept = kept + ((new.status <> 'cancelled' or new.dispatch ->> 'stood_down_at' is not null)
                       and new.dispatch ->> 'stalled_at' is null)
    where account_id = new.helper_id;
end;

create trigger response_counted_again after update of status, dispatch on response
when (new.status is not old.status or (new.dispatch ->> 'stalled_at' is null) <> (old.dispatch ->> 'stalled_at' is null)
        or (new.dispatch ->> 'stood_down_at' is null) <> (old.dispatch ->> 'stood_down_at' is null))
    and exists (select 1 from alert l where l.emergency_id = new.emergency_id and l.helper_id = new.helper_id and l.wave is not null)
    and exists (select 1 from account a where a.id = new.helper_id and a.deleted_at is null) begin
    insert into helper_history (account_id, alerts, accepted, declined, arrived, kept) values (new.helper_id, 0, 0, 0, 0, 0)
        on conflict (account_id) do nothing;
    update helper_history set
        accepted = accepted + (old.status = 'cancelled' and new.status <> 'cancelled'),
        arrived = arrived + (old.status <> 'arrived' and new.status = 'arrived'),
        kept = max(0, kept + ((new.status <> 'cancelled' or new.dispatch ->> 'stood_down_at' is not null)
                              and new.dispatch ->> 'stalled_at' is null)
                        - ((old.status <> 'cancelled' or old.dispatch ->> 'stood_down_at' is not null)
                           and old.dispatch ->> 'stalled_at' is null))
    where account_id = new.helper_id;
end;

-- A decline is an answer. One that is taken back by accepting stays the first answer.
create trigger decline_counted after update of declined_at on alert
when new.wave is not null and (new.declined_at is null) <> (old.declined_at is null)
    and exists (select 1 from account a where a.id = new.helper_id and a.deleted_at is null) begin
    insert into helper_history (account_id, alerts, accepted, declined, arrived, kept) values (new.helper_id, 0, 0, 0, 0, 0)
        on conflict (account_id) do nothing;
    update helper_history set
        alerts = alerts + (new.declined_at is not null
                           and not exists (select 1 from response r
                                           where r.emergency_id = new.emergency_id and r.helper_id = new.helper_id)),
        declined = max(0, declined + iif(new.declined_at is null, -1, 1))
    where account_id = new.helper_id;
end;

-- Alerts that were received and never answered count at the end, and an end that is undone takes that back.
create trigger unanswered_counted after update of status on emergency
when (new.status in ('active', 'responding')) <> (old.status in ('active', 'responding')) begin
    insert into helper_history (account_id, alerts, accepted, declined, arrived, kept)
    select l.helper_id, new.status not in ('active', 'responding'), 0, 0, 0, 0 from alert l
    where l.emergency_id = new.id and l.wave is not null and l.declined_at is null
    and coalesce(l.acknowledged_at, l.received_at) is not null
    and not exists (select 1 from response r where r.emergency_id = l.emergency_id and r.helper_id = l.helper_id)
    and exists (select 1 from account a where a.id = l.helper_id and a.deleted_at is null)
    on conflict (account_id) do update set
        alerts = max(0, alerts + iif(new.status in ('active', 'responding'), -1, 1));
end;

create trigger history_removed after delete on account begin
    delete from helper_history where account_id = old.id;
end;
