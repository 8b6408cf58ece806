-- How helpers travel, what dispatch keeps of a response, and whether a place follows its owner; and the views of accounts and of
-- emergencies with them.

alter table account add column transport text not null default 'foot'
    constraint account_transport_check check (transport in ('foot', 'bike', 'car'));
-- Read by the domain only (crates/domain/src/emergency/response.rs). Null for the default.
alter table response add column dispatch text constraint response_dispatch_check check (json_valid(dispatch));
-- The same, of a place that follows its owner (crates/domain/src/emergency/call.rs). Null for one that stays.
alter table emergency add column movement text constraint emergency_movement_check check (json_valid(movement));

-- As before (0024).
drop view account_view;
create view account_view as
select id, email, first_name, last_name, phone, avatar, bio, role, blocked, verification, available, alert_preferences,
       alert_scope, skills, transport, trust_score, rating_sum, rating_count, created_at, locale
from account where deleted_at is null;

-- As before (0003).
drop view emergency_with_parts;
create view emergency_with_parts as
select e.key, e.id, e.owner_id, o.first_name, o.last_name, e.request_id, e.kind, e.category, e.description, e.latitude,
       e.longitude, e.address, e.place_description, e.priority, e.severity, e.silent, e.anonymous, e.status,
       e.alert_radius, e.wave, e.created_at, e.updated_at, e.first_response_at, e.ended_at, e.ended_by, e.resolution,
       e.ending_notes, e.next_alert_at, e.resume_at, e.renewed_at, e.search, e.movement,
       e.revision,
       (select json_group_array(
                   json_object('helper_id', hex(r.helper_id), 'first_name', h.first_name, 'last_name', h.last_name,
                               'trust_score', h.trust_score, 'rating_sum', h.rating_sum,
                               'rating_count', h.rating_count, 'status', r.status, 'notes', r.notes,
                               'estimated_arrival', r.estimated_arrival, 'responded_at', r.responded_at,
                               'updated_at', r.updated_at, 'counts_until', r.counts_until,
                               'cancellations', r.cancellations, 'repeats', r.repeats,
                               'repeats_since', r.repeats_since, 'came_near', r.came_near, 'reopened', r.reopened,
                               'end_undone', r.end_undone, 'dispatch', json(r.dispatch),
                               'transport', h.transport, 'latitude', p.latitude, 'longitude', p.longitude,
                               'located_at', p.at,
                               'blocks', case when r.status <> 'cancelled' then json((
                                   select json_group_array(hex(b.blocked_id)) from user_block b
                                   where b.owner_id = r.helper_id and b.blocked_id is not null)) end)
                   order by r.first_responded_at, r.rowid)
        from response r join account h on h.id = r.helper_id left join position p on p.account_id = r.helper_id
        where r.emergency_id = e.id) as responses,
       -- What was declined was seen, what was seen was delivered, and what was delivered was sent.
       (select json_object('alerted', count(*),
                           'acknowledged', count(coalesce(l.acknowledged_at, l.seen_at, l.declined_at)),
                           'declined', count(l.declined_at),
                           'sent', count(coalesce(l.acknowledged_at, l.seen_at, l.declined_at, l.received_at, l.pushed_at)),
                           'seen', count(coalesce(l.seen_at, l.declined_at)),
                           'failed', count(l.failed_at) filter (
                               where coalesce(l.acknowledged_at, l.seen_at, l.declined_at, l.received_at, l.pushed_at)
                                   is null))
        from alert l
        where l.emergency_id = e.id and l.wave is not null) as alert_counts
from emergency e join account o on o.id = e.owner_id;
