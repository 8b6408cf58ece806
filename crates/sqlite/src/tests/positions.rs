//! The derived columns of the table of positions, `cell` and `duty`. No port returns them, but the search for helpers
//! depends on both.

use allynet_domain::port::{Fix, Positions, Report};
use sqlx::AssertSqlSafe;

use super::*;

/// The number of rows with a wrong cell or duty: a search would miss them, or find them wrongly.
const WRONG_ROWS: &str = "\
    select count(*) from position p left join account a on a.id = p.account_id \
    where p.cell <> p.here or p.duty is not (case when a.verification = 'rejected' then 0 else a.duty end)";

async fn number(store: &Sqlite, sql: &'static str) -> i64 {
    sqlx::query_scalar(sql).fetch_one(&store.readers).await.unwrap()
}

async fn run(store: &Sqlite, sql: &str) {
    sqlx::query(AssertSqlSafe(sql.to_owned())).execute(&store.writer).await.unwrap();
}

/// Accounts 1 to 14, one for each combination of the columns that decide on duty.
async fn insert_accounts(store: &Sqlite) {
    run(
        store,
        "insert into account (id, email, password_hash, first_name, role, blocked, verification, available, created_at) \
         select unhex(printf('%032x', row_number() over ())), random(), '', 'Ada', 'user', b.value, v.value, a.value, 0 \
         from json_each('[0, 1]') b, json_each('[null, \"pending\", \"verified\", \"rejected\"]') v, \
              json_each('[null, 0, 1]') a where (v.value is null) = (a.value is null)",
    )
    .await;
}

fn fixes(count: u128, degrees: f64, seconds: i64) -> Vec<Report> {
    let fix = |n: u128| {
        #[expect(clippy::cast_precision_loss, reason = "small numbers")]
        let n_degrees = n as f64;
        let position = Position::new(90.0 - n_degrees * degrees, n_degrees * degrees * 2.0 - 180.0).unwrap();
        Fix { user: id(n), position, at: now() + chrono::TimeDelta::seconds(seconds) }.into()
    };
    (1..=count).map(fix).collect()
}

async fn positions(store: &Sqlite) -> Vec<(Uuid, f64, f64, i64)> {
    let all = "select account_id, latitude, longitude, at from position order by account_id";
    sqlx::query_as(all).fetch_all(&store.readers).await.unwrap()
}

#[tokio::test]
async fn cell_and_duty_follow_the_position_and_the_account() {
    let (store, _folder) = database().await;
    insert_accounts(&store).await;
    for (seconds, degrees) in [(1, 0.0), (2, 0.0), (3, 0.000_1), (4, 0.01), (5, 12.3), (6, 1e-9)] {
        store.record(&fixes(14, degrees, seconds)).await.unwrap();
        assert_eq!((number(&store, WRONG_ROWS).await, positions(&store).await.len()), (0, 14), "{degrees}");
    }
    for change in [
        "blocked = 1 - blocked",
        "verification = 'verified' where verification is not null",
        "available = 1 - available",
        "verification = 'pending', available = 1, blocked = 0",
        "verification = null, available = null",
        "trust_score = 7",
    ] {
        run(&store, &format!("update account set {change}")).await;
        assert_eq!(number(&store, WRONG_ROWS).await, 0, "{change}");
    }
}

#[tokio::test]
async fn any_number_of_fixes_can_be_recorded_at_once() {
    let (store, _folder) = database().await;
    run(
        &store,
        "with recursive n (n) as (select 1 union all select n + 1 from n where n < 5000) \
         insert into account (id, email, password_hash, first_name, role, created_at) \
         select unhex(printf('%032x', n)), n, '', 'Ada', 'user', 0 from n",
    )
    .await;
    for (seconds, count) in (0..).zip([1, 3, 4_096, 5_000, 4_097, 5]) {
        let fixes = fixes(count, 0.01 + 0.001 * f64::from(seconds), seconds.into());
        store.record(&fixes).await.unwrap();
        for report in [fixes.first(), fixes.last()].into_iter().flatten() {
            assert_eq!(store.last(report.fix.user).await.unwrap(), Some(report.fix), "{count}");
        }
        assert_eq!(number(&store, WRONG_ROWS).await, 0, "{count}");
    }
}
