-- What the search for helpers keeps: its own state, how often and when each helper was rung, and which helpers are proven.

-- The state of a search that only the domain reads (crates/domain/src/search.rs), as JSON; null for an emergency of the
-- release before.
alter table emergency add column search text constraint emergency_search_check check (json_valid(search));

-- The first ring, once there was another one; `sent_at` is the last.
alter table alert add column first_sent_at integer;
alter table alert add column repeats integer not null default 0 constraint alert_repeats_check check (repeats >= 0);
-- When anything came from a device that had been sent the alert. Most clients never acknowledge.
alter table alert add column received_at integer;

-- The first ring of each emergency at each helper, by its owner. In a table of its own, because an owner may delete an
-- emergency with its alerts. No foreign keys, for the same reason.
create table ring (
    owner_id  blob    not null,
    rung_at   integer not null,
    helper_id blob    not null,
    constraint ring_pk primary key (owner_id, rung_at, helper_id)
) strict, without rowid;

-- When a push service first accepted the alert, when the helper saw it, and when sending it to their devices failed for good.
alter table alert add column pushed_at integer;
alter table alert add column seen_at integer;
alter table alert add column failed_at integer;

-- The first acknowledgement of any alert by a young account.
alter table account add column acknowledged_at integer;

-- From when on the account counts as proven: a day old (86,400,000,000 microseconds), or an alert acknowledged. A copy, as
-- `duty` is, so that a search for helpers reads no other table.
alter table position add column proven_at integer;
update position set proven_at = (select a.created_at + 86400000000 from account a where a.id = position.account_id);

create trigger position_inserted_proven after insert on position begin
    update position
    set proven_at = (select min(coalesce(a.acknowledged_at, a.created_at + 86400000000), a.created_at + 86400000000)
                     from account a where a.id = new.account_id)
    where account_id = new.account_id;
end;

create trigger account_proven after update of acknowledged_at on account
when new.acknowledged_at is not old.acknowledged_at begin
    update position set proven_at = min(new.acknowledged_at, new.created_at + 86400000000)
    where account_id = new.id;
end;

-- The view of 0001 with the new columns of responses (0002) and of searches, and with the newest position of each helper who
-- responds.
drop view emergency_with_parts;
create view emergency_with_parts as
select e.key, e.id, e.owner_id, o.first_name, o.last_name, e.request_id, e.kind, e.category, e.description, e.latitude,
       e.longitude, e.address, e.place_description, e.priority, e.severity, e.silent, e.anonymous, e.status,
       e.alert_radius, e.wave, e.created_at, e.updated_at, e.first_response_at, e.ended_at, e.ended_by, e.resolution,
       e.ending_notes, e.next_alert_at, e.resume_at, e.renewed_at, e.search, e.revision,
       (select json_group_array(
                   json_object('helper_id', hex(r.helper_id), 'first_name', h.first_name, 'last_name', h.last_name,
                               'trust_score', h.trust_score, 'rating_sum', h.rating_sum,
                               'rating_count', h.rating_count, 'status', r.status, 'notes', r.notes,
                               'estimated_arrival', r.estimated_arrival, 'responded_at', r.responded_at,
                               'updated_at', r.updated_at, 'counts_until', r.counts_until,
                               'cancellations', r.cancellations, 'repeats', r.repeats,
                               'repeats_since', r.repeats_since, 'came_near', r.came_near, 'reopened', r.reopened,
                               'end_undone', r.end_undone, 'latitude', p.latitude, 'longitude', p.longitude,
                               'located_at', p.at,
                               -- A later migration makes the table.
                               'blocks', case when r.status <> 'cancelled' then json((
                                   select json_group_array(hex(b.blocked_id)) from user_block b
                                   where b.owner_id = r.helper_id and b.blocked_id is not null)) end)
                   order by r.first_responded_at, r.rowid)
        from response r join account h on h.id = r.helper_id left join position p on p.account_id = r.helper_id
        where r.emergency_id = e.id) as responses,
       (select json_object('alerted', count(*), 'acknowledged', count(l.acknowledged_at),
                           'declined', count(l.declined_at),
                           'sent', count(coalesce(l.acknowledged_at, l.received_at, l.pushed_at)),
                           'seen', count(l.seen_at),
                           'failed', count(l.failed_at) filter (
                               where coalesce(l.acknowledged_at, l.received_at, l.pushed_at) is null))
        from alert l
        where l.emergency_id = e.id and l.wave is not null) as alert_counts
from emergency e join account o on o.id = e.owner_id;
