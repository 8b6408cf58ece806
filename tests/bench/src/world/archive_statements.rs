//! The statements that write an archive: $1 how many emergencies, $2 how many of them ended, $3 owners, $4 helpers, $5 how
//! many have many messages; and for events, $6 a kind, $7 a body, $8 to $10 the placeholders in it.

use super::statements::{pg_id, sqlite_id};

/// Owner, helper and start of an emergency `e`. One every 30 seconds, until now.
macro_rules! pg_source {
    ($what:expr) => {
        concat!(
            "WITH source AS (SELECT e, ",
            pg_id!("0e", "e"),
            " AS id, ",
            pg_id!("0a", "(e % $3)"),
            " AS owner, ",
            pg_id!("0a", "($3 + e % $4)"),
            " AS helper, now() - (($1 - e) * interval '30 seconds') AS began, e < $2 AS ended, e < $5 AS talkative \
             FROM generate_series(0, $1 - 1) AS e) ",
            $what
        )
    };
}

pub(crate) const POSTGRES: [&str; 4] = [
    pg_source!(
        "INSERT INTO emergency (id, owner_id, kind, description, latitude, longitude, address, priority, severity, silent, \
         anonymous, status, alert_radius, wave, created_at, updated_at, ended_at, ended_by, resolution, revision) \
         SELECT id, owner, 'medical', 'Somebody fell down the stairs and does not answer', p.latitude, \
         p.longitude, 'Alexanderplatz 1, Berlin', 'high', 5, false, false, \
         CASE WHEN ended THEN 'resolved' ELSE 'active' END, 5000, 1, began, began, CASE WHEN ended THEN began END, \
         CASE WHEN ended THEN owner END, CASE WHEN ended THEN 'user_resolved' END, 1 \
         FROM source JOIN position p ON p.account_id = helper"
    ),
    pg_source!(
        "INSERT INTO response (emergency_id, helper_id, status, first_responded_at, responded_at, updated_at, engaged) \
         SELECT id, helper, 'completed', began, began, began, false FROM source WHERE ended"
    ),
    pg_source!(concat!(
        "INSERT INTO alert (emergency_id, helper_id, wave, distance, sent_at) SELECT id, ",
        pg_id!("0a", "($3 + (e + k) % $4)"),
        ", 1, 100, began FROM source CROSS JOIN generate_series(0, 2) AS k WHERE ended"
    )),
    pg_source!(
        "INSERT INTO message (id, emergency_id, sender_role, sender_id, recipient, body, created_at) \
         SELECT gen_random_uuid(), id, 'helper', helper, 'everyone', 'I am coming', began + k * interval '1 second' \
         FROM source CROSS JOIN LATERAL generate_series(1, CASE WHEN talkative THEN 200 ELSE 1 END) AS k"
    ),
];

pub(crate) const POSTGRES_EVENTS: &str = pg_source!(
    "INSERT INTO event (at, emergency_id, actor_id, kind, body) \
     SELECT now(), id, owner, $6, replace(replace(replace($7, $8, id::text), $9, owner::text), $10, helper::text)::jsonb \
     FROM source ORDER BY e"
);

/// The same. Ids in texts have hyphens.
macro_rules! sqlite_source {
    ($what:expr) => {
        concat!(
            "with recursive number(e) as (select 0 union all select e + 1 from number where e < ?1 - 1), \
             source as materialized (select e, ",
            sqlite_id!("0e", "e"),
            " as id, ",
            sqlite_id!("0a", "(e % ?3)"),
            " as owner, ",
            sqlite_id!("0a", "(?3 + e % ?4)"),
            " as helper, (unixepoch() - (?1 - e) * 30) * 1000000 as began, e < ?2 as ended, e < ?5 as talkative \
             from number) ",
            $what
        )
    };
}

macro_rules! sqlite_text {
    ($of:literal, $number:literal) => {
        concat!("('", $of, "000000-0000-7000-8000-' || printf('%012x', ", $number, "))")
    };
}

pub(crate) const SQLITE: [&str; 5] = [
    sqlite_source!(
        "insert into emergency (id, owner_id, kind, description, latitude, longitude, address, priority, severity, silent, \
         anonymous, status, alert_radius, wave, created_at, updated_at, ended_at, ended_by, resolution, revision) \
         select s.id, owner, 'medical', 'Somebody fell down the stairs and does not answer', p.latitude, p.longitude, \
         'Alexanderplatz 1, Berlin', 'high', 5, 0, 0, iif(ended, 'resolved', 'active'), 5000, 1, began, began, \
         iif(ended, began, null), iif(ended, owner, null), iif(ended, 'user_resolved', null), 1 \
         from source s join position p on p.account_id = helper"
    ),
    // Boxes of 5 km around live emergencies, as the service creates them.
    "insert into emergency_area select key * 2, latitude - 0.045, latitude + 0.045, longitude - 0.09, longitude + 0.09 \
     from emergency where status = 'active' and ?1 + ?2 + ?3 + ?4 + ?5 > 0",
    sqlite_source!(
        "insert into response (emergency_id, helper_id, status, first_responded_at, responded_at, updated_at, engaged) \
         select id, helper, 'completed', began, began, began, 0 from source where ended"
    ),
    sqlite_source!(concat!(
        "insert into alert (emergency_id, helper_id, wave, distance, sent_at) select s.id, ",
        sqlite_id!("0a", "(?3 + (e + k.value) % ?4)"),
        ", 1, 100, began from source s, json_each('[0,1,2]') k where ended"
    )),
    sqlite_source!(
        "insert into message (id, emergency_id, sender_role, sender_id, recipient, body, created_at) \
         with recursive times(k) as (select 1 union all select k + 1 from times where k < 200) \
         select randomblob(16), id, 'helper', helper, 'everyone', 'I am coming', began + k * 1000000 \
         from source, times where k = 1 or talkative"
    ),
];

pub(crate) const SQLITE_EVENTS: &str = sqlite_source!(concat!(
    "insert into event (at, emergency_id, actor_id, kind, body) \
     select unixepoch() * 1000000, id, owner, ?6, replace(replace(replace(?7, ?8, ",
    sqlite_text!("0e", "e"),
    "), ?9, ",
    sqlite_text!("0a", "(e % ?3)"),
    "), ?10, ",
    sqlite_text!("0a", "(?3 + e % ?4)"),
    ") from source order by e"
));
