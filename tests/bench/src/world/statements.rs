//! The statements that fill the tables of each server. All data of a user is derived from the user's number.

/// The statements for one schema.
pub(crate) struct Statements {
    /// Accounts and sessions; $1: number of users, $2: number of owners among them.
    pub(crate) people: &'static [&'static str],
    /// Positions as JSON, `[[number, latitude, longitude], …]`.
    pub(crate) positions: &'static str,
    /// Maintenance that a database in use has done by itself.
    pub(crate) settle: &'static str,
}

/// The expression for a UUID on PostgreSQL.
macro_rules! pg_id {
    ($of:literal, $number:literal) => {
        concat!("('", $of, "000000-0000-7000-8000-' || lpad(to_hex(", $number, "), 12, '0'))::uuid")
    };
}

/// The expression for a UUID on SQLite.
macro_rules! sqlite_id {
    ($of:literal, $number:literal) => {
        concat!("unhex('", $of, "000000000070008000' || printf('%012x', ", $number, "))")
    };
}

macro_rules! sqlite_people {
    ($what:expr) => {
        concat!(
            "with recursive person(n) as (select 0 union all select n + 1 from person where n < ?1 - 1) ",
            $what,
            " where ?2 >= 0"
        )
    };
}

pub(crate) const POSTGRES: Statements = Statements {
    people: &[
        concat!(
            "INSERT INTO account (id, email, password_hash, first_name, last_name, role, verification, available, created_at) \
             SELECT ",
            pg_id!("0a", "n"),
            ", 'person' || n || '@example.org', 'nobody logs in', 'Somebody', 'Else', \
             CASE WHEN n < $2 THEN 'user' ELSE 'helper' END, CASE WHEN n >= $2 THEN 'verified' END, \
             CASE WHEN n >= $2 THEN true END, now() FROM generate_series(0, $1 - 1) AS n"
        ),
        concat!(
            "INSERT INTO session (id, account_id, confirmed_token, created_at) SELECT ",
            pg_id!("05", "n"),
            ", ",
            pg_id!("0a", "n"),
            ", gen_random_uuid(), now() FROM generate_series(0, $1 - 1) AS n WHERE $2 >= 0"
        ),
    ],
    positions: concat!(
        "INSERT INTO position (account_id, latitude, longitude, anchor, at, duty) SELECT a.id, (p ->> 1)::float8, \
         (p ->> 2)::float8, ST_SetSRID(ST_MakePoint((p ->> 2)::float8, (p ->> 1)::float8), 4326)::geography, now(), \
         duty(a) FROM json_array_elements($1::json) AS p JOIN account a ON a.id = ",
        pg_id!("0a", "(p ->> 0)::bigint")
    ),
    settle: "VACUUM ANALYZE",
};

pub(crate) const PEER: Statements = Statements {
    people: &[
        concat!(
            "INSERT INTO users (id, email, password_hash, first_name, last_name, role, verification, available) SELECT ",
            pg_id!("0a", "n"),
            ", 'person' || n || '@example.org', 'nobody logs in', 'Somebody', 'Else', \
             CASE WHEN n < $2 THEN 'user' ELSE 'helper' END, CASE WHEN n >= $2 THEN 'verified' END, \
             CASE WHEN n >= $2 THEN true END FROM generate_series(0, $1 - 1) AS n"
        ),
        concat!(
            "INSERT INTO sessions (id, user_id) SELECT ",
            pg_id!("05", "n"),
            ", ",
            pg_id!("0a", "n"),
            " FROM generate_series(0, $1 - 1) AS n WHERE $2 >= 0"
        ),
    ],
    positions: concat!(
        "INSERT INTO positions (user_id, place, updated_at) SELECT ",
        pg_id!("0a", "(p ->> 0)::bigint"),
        ", ST_SetSRID(ST_MakePoint((p ->> 2)::float8, (p ->> 1)::float8), 4326)::geography, now() \
         FROM json_array_elements($1::json) AS p"
    ),
    settle: "VACUUM ANALYZE",
};

pub(crate) const SQLITE: Statements = Statements {
    people: &[
        sqlite_people!(concat!(
            "insert into account (id, email, password_hash, first_name, last_name, role, verification, available, created_at) \
             select ",
            sqlite_id!("0a", "n"),
            ", 'person' || n || '@example.org', 'nobody logs in', 'Somebody', 'Else', iif(n < ?2, 'user', 'helper'), \
             iif(n < ?2, null, 'verified'), iif(n < ?2, null, 1), unixepoch() * 1000000 from person"
        )),
        sqlite_people!(concat!(
            "insert into session (id, account_id, confirmed_token, created_at) select ",
            sqlite_id!("05", "n"),
            ", ",
            sqlite_id!("0a", "n"),
            ", randomblob(16), unixepoch() * 1000000 from person"
        )),
    ],
    positions: concat!(
        "insert into position (account_id, latitude, longitude, at) select ",
        sqlite_id!("0a", "value ->> 0"),
        ", value ->> 1, value ->> 2, unixepoch() * 1000000 from json_each(?1)"
    ),
    settle: "pragma wal_checkpoint(truncate)",
};

pub(crate) use {pg_id, sqlite_id};
