//! The statements that read emergencies. Texts only; what they mean is with their callers.
//!
//! `e.status in ('active', 'responding')` is written as in the partial index of live ones, which SQLite uses only then.

/// A statement that reads emergencies, `e`, with their owners, responses and counts, and the given end. A second text
/// before it, with `;` between, adds columns.
macro_rules! emergencies {
    ($end:expr) => {
        emergencies!(""; $end)
    };
    ($columns:expr; $end:expr) => {
        concat!(
            "select e.id, e.owner_id, o.first_name, o.last_name, e.request_id, e.kind, e.category, e.description, \
                    e.latitude, e.longitude, e.address, e.place_description, e.priority, e.severity, e.silent, \
                    e.anonymous, e.status, e.alert_radius, e.wave, e.created_at, e.updated_at, e.first_response_at, \
                    e.ended_at, e.ended_by, e.resolution, e.ending_notes, e.next_alert_at, e.revision, \
                (select json_group_array(json_object( \
                        'helper_id', hex(r.helper_id), 'first_name', h.first_name, 'last_name', h.last_name, \
                        'trust_score', h.trust_score, 'rating_sum', h.rating_sum, 'rating_count', h.rating_count, \
                        'status', r.status, 'notes', r.notes, 'estimated_arrival', r.estimated_arrival, \
                        'responded_at', r.responded_at, 'updated_at', r.updated_at) \
                        order by r.first_responded_at, r.rowid) \
                 from response r join account h on h.id = r.helper_id where r.emergency_id = e.id) as responses, \
                (select json_object('alerted', count(*), 'acknowledged', count(l.acknowledged_at), \
                                    'declined', count(l.declined_at)) \
                 from alert l where l.emergency_id = e.id and l.wave is not null) as alert_counts ",
            $columns,
            " from emergency e join account o on o.id = e.owner_id ",
            $end
        )
    };
}
pub(super) use emergencies;

pub(crate) const LOAD: &str = emergencies!(
    ", (select json_group_array(json_object('helper_id', hex(l.helper_id), 'wave', l.wave, \
               'acknowledged_at', l.acknowledged_at, 'declined_at', l.declined_at) \
               order by l.wave nulls last, l.distance nulls last, l.helper_id) \
        from alert l where l.emergency_id = e.id) as alerts";
    "where e.id = ?1"
);

/// How the user `?2` stands to the emergency `?1`.
pub(crate) const SEEN: &str = "\
    select e.owner_id, e.status, e.revision, e.latitude, e.longitude, exists ( \
        select 1 from response r where r.emergency_id = e.id and r.helper_id = ?2 and r.status <> 'cancelled' \
    ) as responds from emergency e where e.id = ?1";

pub(crate) const EARLIER_CALL: &str = emergencies!(
    "where e.key = coalesce( \
         (select key from emergency where owner_id = ?1 and request_id = ?2), \
         (select key from emergency where owner_id = ?1 and status in ('active', 'responding')))"
);

pub(crate) const LIVE_OF: &str = emergencies!(
    "where e.status in ('active', 'responding') and e.key in ( \
         select key from emergency where owner_id = ?1 and status in ('active', 'responding') \
         union all \
         select i.key from response r join emergency i on i.id = r.emergency_id \
         where r.helper_id = ?1 and r.status <> 'cancelled') \
     order by e.owner_id = ?1 desc, \
              exists (select 1 from response r where r.emergency_id = e.id and r.helper_id = ?1 and r.engaged = 1) desc, \
              e.created_at desc, e.id desc"
);

/// Live emergencies that may wait for the helper `?1` at latitude `?2`, longitude `?3`: those whose alert area may hold
/// the place, and, at any distance (no `reach`), those the helper was alerted to. A box is never smaller than its area.
pub(crate) const PENDING: &str = "\
    with candidate(key) as ( \
        select a.key / 2 from emergency_area a where a.south <= ?2 and a.north >= ?2 and a.west <= ?3 and a.east >= ?3 \
        union \
        select e.key from emergency e where e.status in ('active', 'responding') \
        and exists (select 1 from alert l where l.emergency_id = e.id and l.helper_id = ?1 and l.wave is not null)) \
    select e.id, e.latitude, e.longitude, case when l.wave is null then e.alert_radius end as reach \
    from candidate c cross join emergency e on e.key = c.key \
    left join alert l on l.emergency_id = e.id and l.helper_id = ?1 \
    where e.status in ('active', 'responding') and e.owner_id <> ?1 and l.declined_at is null \
    and not exists (select 1 from response r \
                    where r.emergency_id = e.id and r.helper_id = ?1 and r.status <> 'cancelled')";

/// Live emergencies in the boxes `?1` to `?4` and `?5` to `?8`. An alert area holds its emergency, so every wanted one
/// is among those whose area meets a box.
pub(crate) const NEARBY: &str = "\
    with candidate(key) as ( \
        select key / 2 from emergency_area where north >= ?1 and south <= ?2 and east >= ?3 and west <= ?4 \
        union \
        select key / 2 from emergency_area where north >= ?5 and south <= ?6 and east >= ?7 and west <= ?8) \
    select e.id, e.latitude, e.longitude, null as reach from candidate c cross join emergency e on e.key = c.key \
    where (e.latitude between ?1 and ?2 and e.longitude between ?3 and ?4) \
       or (e.latitude between ?5 and ?6 and e.longitude between ?7 and ?8)";

/// These ids, in this order.
pub(crate) const BY_IDS: &str = emergencies!("join json_each(?1) i on e.id = unhex(i.value) order by i.key");

/// What `?1` took part in before `?2` in status `?3`: the first `?4`, and all that share the last one's time.
pub(crate) const HISTORY: &str = emergencies!(
    "where e.key in (select key from ( \
         select key, rank() over (order by created_at desc) as place from ( \
             select key, created_at from emergency \
             where owner_id = ?1 and created_at < ?2 and (?3 is null or status = ?3) \
             union \
             select i.key, i.created_at from response r join emergency i on i.id = r.emergency_id \
             where r.helper_id = ?1 and r.status <> 'cancelled' \
             and i.created_at < ?2 and (?3 is null or i.status = ?3))) \
         where place <= ?4) \
     order by e.created_at desc, e.id desc"
);

/// Places of live emergencies before (`?1`, `?2`), newest first, within two boxes.
pub(crate) const LIVE_PLACES: &str = "\
    select e.id, e.latitude, e.longitude, null as reach from emergency e \
    where e.status in ('active', 'responding') and (e.created_at, e.id) < (?1, ?2) \
    and ((e.latitude between ?3 and ?4 and e.longitude between ?5 and ?6) \
      or (e.latitude between ?7 and ?8 and e.longitude between ?9 and ?10)) \
    order by e.created_at desc, e.id desc";

/// The same for the status `?11`.
pub(crate) const PLACES: &str = "\
    select e.id, e.latitude, e.longitude, null as reach from emergency e \
    where e.status = ?11 and (e.created_at, e.id) < (?1, ?2) \
    and ((e.latitude between ?3 and ?4 and e.longitude between ?5 and ?6) \
      or (e.latitude between ?7 and ?8 and e.longitude between ?9 and ?10)) \
    order by e.created_at desc, e.id desc";
