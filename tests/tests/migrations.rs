//! Compares the two folders of migrations: both must create the same tables with the same columns. And the rules by which nodes of
//! two successive versions share a database, in `docs/upgrading.md`.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::{collections::BTreeSet, fs};

use allynet_tests::{
    contract::Database,
    database::{OnPostgres, OnSqlite},
};
use sqlx::{Connection, SqliteConnection, sqlite::SqliteConnectOptions};

/// Table, column, and whether it may be null.
type Column = (String, String, bool);

/// Columns that only PostgreSQL needs: PostGIS indexes a column that holds a whole place, and for positions an anchor that
/// moves seldom; responses are ordered by a number, for which SQLite has the rowid; a position knows how its helper travels.
const ONLY_ON_POSTGRES: &[(&str, &str)] =
    &[("position", "anchor"), ("emergency", "place"), ("response", "ordinal"), ("position", "transport")];
/// Columns that only SQLite needs: the table of positions lies in the order of grid cells, and the R*Tree of alert areas
/// knows emergencies by a number.
const ONLY_ON_SQLITE: &[(&str, &str)] = &[("position", "cell"), ("emergency", "key")];

async fn on_postgres() -> BTreeSet<Column> {
    let database = OnPostgres::fresh().await;
    let columns = "select table_name::text, column_name::text, is_nullable = 'YES' from information_schema.columns \
                   join pg_class on oid = format('%I.%I', table_schema, table_name)::regclass \
                   where table_schema = 'public' and relkind = 'r' and table_name <> '_sqlx_migrations' \
                   and not exists (select from pg_depend where objid = pg_class.oid and deptype = 'e')";
    let mut connection = database.connection().await;
    let columns: Vec<Column> = sqlx::query_as(columns).fetch_all(&mut connection).await.unwrap();
    database.remove().await;
    columns.into_iter().collect()
}

async fn on_sqlite() -> BTreeSet<Column> {
    let database = OnSqlite::fresh().await;
    let options = SqliteConnectOptions::new().filename(database.path());
    let mut connection = SqliteConnection::connect_with(&options).await.unwrap();
    // An `integer primary key` is never null, although the catalogue calls it nullable.
    let columns = "select t.name, c.name, c.\"notnull\" = 0 and c.pk = 0 from pragma_table_list t, \
                   pragma_table_info(t.name) c where t.type = 'table' and t.schema = 'main' \
                   and t.name not like 'sqlite\\_%' escape '\\' and t.name <> '_sqlx_migrations'";
    let columns: Vec<Column> = sqlx::query_as(columns).fetch_all(&mut connection).await.unwrap();
    columns.into_iter().collect()
}

#[tokio::test]
async fn both_databases_have_the_same_tables_and_columns() {
    let (mut postgres, mut sqlite) = (on_postgres().await, on_sqlite().await);
    assert!(postgres.len() > 50, "the catalogue was not read: {postgres:?}");
    for (columns, allowed) in [(&mut postgres, ONLY_ON_POSTGRES), (&mut sqlite, ONLY_ON_SQLITE)] {
        for &(table, column) in allowed {
            let before = columns.len();
            columns.retain(|(t, c, _)| (t.as_str(), c.as_str()) != (table, column));
            assert_eq!(columns.len() + 1, before, "{table}.{column} is no difference any more");
        }
    }
    let only = |a: &BTreeSet<Column>, b: &BTreeSet<Column>| a.difference(b).cloned().collect::<Vec<_>>();
    assert_eq!(only(&postgres, &sqlite), [], "only on PostgreSQL");
    assert_eq!(only(&sqlite, &postgres), [], "only on SQLite");
}

/// The last migrations of each folder that had no node of an earlier version to keep working.
const LAST_FREE: [(&str, u32); 2] = [("postgres", 34), ("sqlite", 30)];

/// The statements of a migration as lists of words in lower case, without comments and without the bodies of functions.
fn statements(sql: &str) -> Vec<Vec<String>> {
    let lines: Vec<&str> = sql.lines().map(|line| line.split("--").next().unwrap()).collect();
    let text = lines.join(" ").to_lowercase();
    let outside: Vec<&str> = text.split("$$").step_by(2).collect();
    let outside =
        outside.join(" ").replace(['(', ')', ',', '"'], " ").replace("if not exists", "").replace("if exists", "");
    outside.split(';').map(|statement| statement.split_whitespace().map(str::to_owned).collect()).collect()
}

/// The name behind these words, wherever they are in the statement.
fn behind<'a>(statement: &'a [String], words: &str) -> Option<&'a str> {
    let words: Vec<&str> = words.split(' ').collect();
    let at = statement.windows(words.len()).position(|window| window == words)?;
    statement.get(at + words.len()).map(String::as_str)
}

/// Whether a name ends in `_v` and a number.
fn is_versioned(name: &str) -> bool {
    name.rsplit_once("_v").is_some_and(|(_, version)| version.parse::<u32>().is_ok())
}

/// What a migration does that a running node of the version before may not survive.
fn contractions(folder: &str, sql: &str, earlier: &BTreeSet<String>) -> Vec<String> {
    let statements = statements(sql);
    let creates = |what: &str, name: &str| {
        let created = |statement: &Vec<String>| behind(statement, &format!("{what} {name}")).is_some();
        let made = |statement: &Vec<String>| behind(statement, what) == Some(name) && statement[0] == "create";
        statements.iter().any(|statement| if what == "add constraint" { created(statement) } else { made(statement) })
    };
    let mut found = Vec::new();
    for statement in &statements {
        let text = statement.join(" ");
        let mut object = |is_wrong: bool, why: &str| {
            if is_wrong {
                found.push(format!("{why}: {}", text.chars().take(80).collect::<String>()));
            }
        };
        for what in ["table", "column", "function", "type", "schema", "extension"] {
            object(behind(statement, &format!("drop {what}")).is_some(), "drops");
        }
        for (drop, create) in
            [("view", "view"), ("trigger", "trigger"), ("index", "index"), ("constraint", "add constraint")]
        {
            let name = behind(statement, &format!("drop {drop}"));
            object(name.is_some_and(|name| !creates(create, name)), "drops and does not create again");
        }
        object(statement.iter().any(|word| word == "rename"), "renames");
        let alters = statement.windows(2).any(|words| words == ["alter", "column"]);
        let changes_type = statement.iter().any(|word| word == "type");
        object(alters && (changes_type || text.contains("set not null")), "narrows a column");
        for column in text.split("add column ").skip(1) {
            object(
                column.contains("not null") && !column.contains("default"),
                "adds a column that old writers leave out",
            );
        }
        if folder == "postgres" {
            let is_trigger = text.contains("returns trigger");
            for (words, is_replaced) in [
                ("create function", false),
                ("create or replace function", true),
                ("create view", false),
                ("create or replace view", true),
            ] {
                let Some(name) = behind(statement, words) else { continue };
                let is_new = is_versioned(name) && !earlier.contains(name) && !is_replaced;
                object(!is_new && !is_trigger, "is no new version");
            }
        }
    }
    found
}

/// The functions and views that a migration creates.
fn created(sql: &str) -> impl Iterator<Item = String> {
    let names = statements(sql).into_iter().filter_map(|statement| {
        let name = ["create function", "create view"].iter().find_map(|words| behind(&statement, words));
        name.map(str::to_owned)
    });
    names.collect::<Vec<_>>().into_iter()
}

#[test]
fn no_two_migrations_have_one_number() {
    for (folder, _) in LAST_FREE {
        let path = format!("{}/../migrations/{folder}", env!("CARGO_MANIFEST_DIR"));
        let names: Vec<_> = fs::read_dir(path).unwrap().map(|entry| entry.unwrap().file_name()).collect();
        let numbers: BTreeSet<_> = names.iter().map(|name| &name.to_str().unwrap()[..4]).collect();
        assert_eq!(numbers.len(), names.len(), "{folder}");
    }
}

#[test]
fn migrations_only_expand() {
    let (mut wrong, mut checked) = (Vec::new(), 0);
    for (folder, last_free) in LAST_FREE {
        let path = format!("{}/../migrations/{folder}", env!("CARGO_MANIFEST_DIR"));
        let mut files: Vec<_> = fs::read_dir(path).unwrap().map(|entry| entry.unwrap().path()).collect();
        files.sort();
        let mut earlier = BTreeSet::new();
        for file in files {
            let name = file.file_name().unwrap().to_str().unwrap();
            let sql = fs::read_to_string(&file).unwrap();
            if name[..4].parse::<u32>().unwrap() > last_free {
                wrong.extend(
                    contractions(folder, &sql, &earlier).into_iter().map(|what| format!("{folder}/{name} {what}")),
                );
                checked += 1;
            }
            earlier.extend(created(&sql));
        }
    }
    assert!(checked > 0, "no migration was read");
    assert_eq!(wrong, [] as [String; 0]);
}

#[test]
fn what_a_running_node_may_not_survive_is_recognized() {
    let earlier = BTreeSet::from(["apply_v1".to_owned()]);
    let of = |folder, sql| contractions(folder, sql, &earlier);
    for expands in [
        "create table a (b integer not null); create index c on a (b); -- drop table a",
        "alter table a add column b integer, add column c integer not null default 0;",
        "alter table a add column b integer not null default 0 check (b > 0);",
        "create function apply_v2() returns void as $$ drop table a; $$; create view seen_v1 as select 1;",
        "drop trigger a on b; create trigger a after insert on b execute function c();",
        "alter table a drop constraint b, add constraint b check (c in ('d', 'e'));",
        "create or replace function copied() returns trigger as $$ begin end $$;",
        "alter table a alter column b drop not null;",
    ] {
        assert_eq!(of("postgres", expands), [] as [String; 0], "{expands}");
    }
    for contracts in [
        "drop table a;",
        "alter table a drop column b;",
        "alter table a\n  add column c integer,\n  drop column if exists b;",
        "drop function apply_v1();",
        "drop view seen_v1;",
        "drop trigger a on b;",
        "drop index a;",
        "alter table a drop constraint b;",
        "alter table a rename column b to c;",
        "alter table a rename to b;",
        "alter table a alter column b type bigint;",
        "alter table a alter column b set not null;",
        "alter table a add column b integer not null, add column c integer not null default 0;",
        "create or replace function apply_v1() returns void as $$ $$;",
        "create or replace function apply_v2() returns void as $$ $$;",
        "create function apply_v1(a integer) returns void as $$ $$;",
        "create function apply() returns void as $$ $$;",
        "create or replace view seen_v1 as select 1;",
    ] {
        assert_eq!(of("postgres", contracts).len(), 1, "{contracts}");
    }
    // A file has one process: views are read by the program that made them.
    assert_eq!(of("sqlite", "drop view a; create view a as select 1;"), [] as [String; 0]);
    assert_eq!(of("sqlite", "drop view a;").len(), 1);
}
