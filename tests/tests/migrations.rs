//! Compares the two folders of migrations: both must create the same tables with the same columns.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::collections::BTreeSet;

use allynet_tests::{
    contract::Database,
    database::{OnPostgres, OnSqlite},
};
use sqlx::{Connection, SqliteConnection, sqlite::SqliteConnectOptions};

/// Table, column, and whether it may be null.
type Column = (String, String, bool);

/// Columns that only PostgreSQL needs: PostGIS indexes a column that holds a whole place, and for positions an anchor that
/// moves seldom; responses are ordered by a number, for which SQLite has the rowid.
const ONLY_ON_POSTGRES: &[(&str, &str)] = &[("position", "anchor"), ("emergency", "place"), ("response", "ordinal")];
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
