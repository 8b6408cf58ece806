//! The two folders of migrations side by side: they make the same tables with the same columns.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::collections::BTreeSet;

use allynet_tests::{
    contract::Database,
    database::{OnPostgres, OnSqlite},
};
use sqlx::{Connection, SqliteConnection, sqlite::SqliteConnectOptions};

/// A column, and whether it may be null.
type Column = (String, String, bool);

/// What is different by intent: PostGIS searches a place that is one column, and of positions one that is moved seldom;
/// SQLite keeps positions in the order of a grid, and has an R*Tree beside the emergencies, with numbers by which it knows
/// them. Responses are kept in order by a number here, and by the hidden rowid there.
const ONLY_ON_POSTGRES: &[(&str, &str)] = &[("position", "anchor"), ("emergency", "place"), ("response", "ordinal")];
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
    // A rowid table's own number is never null, although it is not declared so.
    let columns = "select t.name, c.name, c.\"notnull\" = 0 and c.pk = 0 from pragma_table_list t, \
                   pragma_table_info(t.name) c where t.type = 'table' and t.schema = 'main' \
                   and t.name not like 'sqlite\\_%' escape '\\' and t.name <> '_sqlx_migrations'";
    let columns: Vec<Column> = sqlx::query_as(columns).fetch_all(&mut connection).await.unwrap();
    columns.into_iter().collect()
}

#[tokio::test]
async fn both_databases_have_the_same_tables_and_columns() {
    let (mut postgres, mut sqlite) = (on_postgres().await, on_sqlite().await);
    assert!(postgres.len() > 50, "the catalogue was read: {postgres:?}");
    for (columns, allowed) in [(&mut postgres, ONLY_ON_POSTGRES), (&mut sqlite, ONLY_ON_SQLITE)] {
        for &(table, column) in allowed {
            let before = columns.len();
            columns.retain(|(t, c, _)| (t.as_str(), c.as_str()) != (table, column));
            assert_eq!(columns.len() + 1, before, "{table}.{column} is a difference no more");
        }
    }
    let only = |a: &BTreeSet<Column>, b: &BTreeSet<Column>| a.difference(b).cloned().collect::<Vec<_>>();
    assert_eq!(only(&postgres, &sqlite), [], "only on PostgreSQL");
    assert_eq!(only(&sqlite, &postgres), [], "only on SQLite");
}
