//! The statements that read emergencies.
//!
//! `status in ('active', 'responding')` has to be written exactly as in the partial index of live emergencies: SQLite
//! uses the index only then.

pub(crate) const FIND: &str = "select e.* from emergency_with_parts e where e.id = ?1";

/// With whether the reader `?2` was alerted and has not declined.
pub(crate) const READ: &str = "\
    select e.*, exists (select 1 from alert l where l.emergency_id = e.id and l.helper_id = ?2 \
                        and l.wave is not null and l.declined_at is null) as alerted, \
           (exists (select 1 from user_block b where b.owner_id = e.owner_id and b.blocked_id = ?2) \
            or not e.anonymous \
               and exists (select 1 from user_block b where b.owner_id = ?2 and b.blocked_id = e.owner_id)) as hidden \
    from emergency_with_parts e where e.id = ?1";

/// With all alerts, in the order in which they were sent.
pub(crate) const LOAD: &str = "\
    select e.*, \
           (select json_group_array( \
                       json_object('helper_id', hex(l.helper_id), 'wave', l.wave, \
                                   'first_sent_at', coalesce(l.first_sent_at, l.sent_at), 'sent_at', l.sent_at, \
                                   'repeats', l.repeats, 'received_at', l.received_at, \
                                   'acknowledged_at', l.acknowledged_at, 'declined_at', l.declined_at) \
                       order by l.wave nulls last, l.distance nulls last, l.helper_id) \
            from alert l where l.emergency_id = e.id) as alerts, \
           (select json_group_array(hex(a.id)) from account a \
            where a.role <> 'admin' and a.id in ( \
                select b.blocked_id from user_block b where b.owner_id = e.owner_id \
                union all \
                select b.owner_id from user_block b where b.blocked_id = e.owner_id and not e.anonymous limit 1200)) \
           as hidden_from \
    from emergency_with_parts e where e.id = ?1";

/// The users that user `?1` blocks.
pub(crate) const BLOCKED_BY: &str =
    "select b.blocked_id from user_block b where b.owner_id = ?1 and b.blocked_id is not null";

/// How helper `?1` travels, and where they are.
pub(crate) const HELPER: &str = "\
    select a.transport, p.latitude, p.longitude, p.at from account a left join position p on p.account_id = a.id where a.id = ?1";

/// How often emergencies of owner `?1` have rung each helper after `?2`, and when last.
pub(crate) const RECENT_RINGS: &str = "\
    select helper_id, count(*) as count, max(rung_at) as last from ring where owner_id = ?1 and rung_at > ?2 \
    group by helper_id";

/// The live emergency of owner `?1`, else the one that has the request id `?2`.
pub(crate) const EARLIER_CALL: &str = "\
    select e.* from emergency_with_parts e \
    where e.key = coalesce( \
        (select key from emergency where owner_id = ?1 and status in ('active', 'responding')), \
        (select key from emergency where owner_id = ?1 and request_id = ?2))";

/// The deleted emergency of owner `?1` that had the request id `?2`.
pub(crate) const DELETED_CALL: &str =
    "select id from deleted_emergency where owner_id = ?1 and request_id = ?2 limit 1";

/// The helpers of emergency `?1` that its owner has rated after `?2` so that it counted.
pub(crate) const RATED_SINCE: &str = "\
    select r.helper_id from response r join emergency e on e.id = r.emergency_id \
    where r.emergency_id = ?1 \
    and exists (select 1 from reputation_gain g where g.helper_id = r.helper_id and g.owner_id = e.owner_id \
                and g.kind = 'rating' and g.gained_at > ?2)";

/// The helpers of emergency `?1` whose responses are not cancelled, that may help (under the open policy if `?2`), are not
/// separated from its owner by a block and, unless they have completed, are not engaged in another emergency.
pub(crate) const AVAILABLE_AGAIN: &str = "\
    select r.helper_id \
    from response r join emergency e on e.id = r.emergency_id join account a on a.id = r.helper_id \
    where r.emergency_id = ?1 and r.status <> 'cancelled' \
    and a.blocked = 0 and (a.verification is 'verified' or (?2 and a.verification is not 'rejected')) \
    and (r.status = 'completed' \
         or not exists (select 1 from response o \
                        where o.helper_id = r.helper_id and o.engaged = 1 and o.emergency_id <> r.emergency_id)) \
    and not exists (select 1 from user_block b where b.owner_id = e.owner_id and b.blocked_id = r.helper_id) \
    and (e.anonymous = 1 \
         or not exists (select 1 from user_block b where b.owner_id = r.helper_id and b.blocked_id = e.owner_id))";

/// The `?3` newest records of deleted emergencies before the cursor (`?1`, `?2`).
pub(crate) const DELETED: &str = "\
    select d.id, d.owner_id, o.first_name, o.last_name, d.request_id, d.kind, d.status, d.latitude, d.longitude, \
           d.created_at, d.ended_at, d.deleted_at \
    from deleted_emergency d cross join account o on o.id = d.owner_id \
    where (d.created_at, d.id) < (?1, ?2) order by d.created_at desc, d.id desc limit ?3";

/// The live emergencies that user `?1` owns or responds to: the own one first, then the one that the user is engaged
/// in, then the newest.
pub(crate) const LIVE_OF: &str = "\
    select e.* from emergency_with_parts e \
    where e.status in ('active', 'responding') and e.key in ( \
        select key from emergency where owner_id = ?1 and status in ('active', 'responding') \
        union all \
        select i.key from response r join emergency i on i.id = r.emergency_id \
        where r.helper_id = ?1 and r.status <> 'cancelled') \
    order by e.owner_id = ?1 desc, \
             exists (select 1 from response r \
                     where r.emergency_id = e.id and r.helper_id = ?1 and r.engaged = 1) desc, \
             e.created_at desc, e.id desc";

/// Live emergencies that may wait for helper `?1`: those whose alert area may meet the boxes `?2` to `?5` and `?6` to `?9`
/// (south, north, west, east), and those that the helper was alerted to, at any distance (`reach` is null). Without those that a
/// block hides, unless `?10`; only the latter if `?11`.
///
/// `cross join` makes the candidates the outer loop; SQLite might go through all emergencies instead.
pub(crate) const PENDING: &str = "\
    with candidate(key) as ( \
        select key / 2 from emergency_area where north >= ?2 and south <= ?3 and east >= ?4 and west <= ?5 \
        union \
        select key / 2 from emergency_area where north >= ?6 and south <= ?7 and east >= ?8 and west <= ?9 \
        union \
        select e.key from emergency e where e.status in ('active', 'responding') \
        and exists (select 1 from alert l where l.emergency_id = e.id and l.helper_id = ?1 and l.wave is not null)) \
    select e.id, e.latitude, e.longitude, e.anonymous, e.created_at, \
           case when l.wave is null then e.alert_radius end as reach, l.wave is not null as alerted, 0 as takes_part, \
           exists (select 1 from response r where r.emergency_id = e.id and r.helper_id = ?1) as responded \
    from candidate c cross join emergency e on e.key = c.key \
    left join alert l on l.emergency_id = e.id and l.helper_id = ?1 \
    where e.status in ('active', 'responding') and e.owner_id <> ?1 and l.declined_at is null and (not ?11 or l.wave is not null) \
    and not exists (select 1 from response r \
                    where r.emergency_id = e.id and r.helper_id = ?1 and r.status <> 'cancelled') \
    and (?10 or not (exists (select 1 from user_block b where b.owner_id = e.owner_id and b.blocked_id = ?1) \
            or not e.anonymous \
               and exists (select 1 from user_block b where b.owner_id = ?1 and b.blocked_id = e.owner_id)))";

/// Live emergencies in the boxes `?1` to `?4` and `?5` to `?8` (south, north, west, east), with the part of reader `?9` in
/// them, and without those that a block hides, unless `?10`. An alert area holds the position of its emergency, so each
/// wanted one is among those whose area meets a box.
pub(crate) const NEARBY: &str = "\
    with candidate(key) as ( \
        select key / 2 from emergency_area where north >= ?1 and south <= ?2 and east >= ?3 and west <= ?4 \
        union \
        select key / 2 from emergency_area where north >= ?5 and south <= ?6 and east >= ?7 and west <= ?8) \
    select e.id, e.latitude, e.longitude, e.anonymous, e.created_at, null as reach, \
           coalesce(l.wave is not null and l.declined_at is null, 0) as alerted, \
           e.owner_id = ?9 or coalesce(r.status <> 'cancelled', 0) as takes_part, \
           r.status is not null as responded \
    from candidate c cross join emergency e on e.key = c.key \
    left join alert l on l.emergency_id = e.id and l.helper_id = ?9 \
    left join response r on r.emergency_id = e.id and r.helper_id = ?9 \
    where ((e.latitude between ?1 and ?2 and e.longitude between ?3 and ?4) \
        or (e.latitude between ?5 and ?6 and e.longitude between ?7 and ?8)) \
    and (?10 or not (exists (select 1 from user_block b where b.owner_id = e.owner_id and b.blocked_id = ?9) \
            or not e.anonymous \
               and exists (select 1 from user_block b where b.owner_id = ?9 and b.blocked_id = e.owner_id)))";

/// The emergencies with the ids in the JSON array `?1` (hexadecimal digits), in its order.
pub(crate) const BY_IDS: &str = "\
    select e.* from json_each(?1) i join emergency_with_parts e on e.id = unhex(i.value) order by i.key";

/// The same, with the number of emergencies of the same owner in the ten minutes before.
pub(crate) const LISTED_BY_IDS: &str = "\
    select e.*, \
        (select count(*) from emergency x where x.owner_id = e.owner_id \
            and x.created_at >= e.created_at - 600000000 and x.created_at < e.created_at) + \
        (select count(*) from deleted_emergency d where d.owner_id = e.owner_id \
            and d.created_at >= e.created_at - 600000000 and d.created_at < e.created_at) as repeats \
    from json_each(?1) i join emergency_with_parts e on e.id = unhex(i.value) order by i.key";

/// Emergencies that user `?1` owned or responded to before `?2`, in status `?3` if not null: the newest `?4`, and all
/// that began at the same time as the last of these.
pub(crate) const HISTORY: &str = "\
    select e.* from emergency_with_parts e \
    where e.key in (select key from ( \
        select key, rank() over (order by created_at desc) as place from ( \
            select key, created_at from emergency \
            where owner_id = ?1 and created_at < ?2 and (?3 is null or status = ?3) \
            union \
            select i.key, i.created_at from response r join emergency i on i.id = r.emergency_id \
            where r.helper_id = ?1 and r.status <> 'cancelled' \
            and i.created_at < ?2 and (?3 is null or i.status = ?3))) \
        where place <= ?4) \
    order by e.created_at desc, e.id desc";

/// Positions of live emergencies that come after the cursor (`?1`, `?2`) from newest to oldest, in the boxes `?3` to
/// `?6` and `?7` to `?10`.
pub(crate) const LIVE_PLACES: &str = "\
    select e.id, e.latitude, e.longitude, null as reach from emergency e \
    where e.status in ('active', 'responding') and (e.created_at, e.id) < (?1, ?2) \
    and ((e.latitude between ?3 and ?4 and e.longitude between ?5 and ?6) \
      or (e.latitude between ?7 and ?8 and e.longitude between ?9 and ?10)) \
    order by e.created_at desc, e.id desc";

/// [`LIVE_PLACES`] for emergencies of status `?11`. A statement of its own, because an index serves it only when the
/// statement compares the status with one value.
pub(crate) const PLACES: &str = "\
    select e.id, e.latitude, e.longitude, null as reach from emergency e \
    where e.status = ?11 and (e.created_at, e.id) < (?1, ?2) \
    and ((e.latitude between ?3 and ?4 and e.longitude between ?5 and ?6) \
      or (e.latitude between ?7 and ?8 and e.longitude between ?9 and ?10)) \
    order by e.created_at desc, e.id desc";

/// The users from whom blocks hide an emergency of the owner `?1`, which is anonymous (`?2`), as in [`LOAD`]: at most
/// 200 that the owner blocks, and the others up to a number that an event can hold.
pub(crate) const HIDDEN_FROM: &str = "\
    select a.id from account a where a.role <> 'admin' and a.id in ( \
        select b.blocked_id from user_block b where b.owner_id = ?1 \
        union all \
        select b.owner_id from user_block b where b.blocked_id = ?1 and not ?2 limit 1200)";
