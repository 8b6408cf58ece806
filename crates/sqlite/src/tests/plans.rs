//! Query plans of the statements with the most at stake: which index each uses on an empty database.

use sqlx::{AssertSqlSafe, Row};

use super::database;
use crate::{Sqlite, access, accounts, alerts, emergencies::statements, events, helpers, messages, tail};

/// The steps of a statement, by `explain query plan`.
async fn plan(store: &Sqlite, sql: &'static str) -> Vec<String> {
    let rows = sqlx::query(AssertSqlSafe(format!("explain query plan {sql}"))).fetch_all(&store.readers).await.unwrap();
    rows.iter().map(|row| row.get::<String, _>("detail")).collect()
}

#[tokio::test]
async fn each_statement_uses_its_index_and_scans_no_table() {
    let (store, _folder) = database().await;
    for (name, sql, indexes) in [
        ("helpers", helpers::CANDIDATES, &["SEARCH p USING PRIMARY KEY (cell>? AND cell<?)"][..]),
        ("one helper", helpers::ONE, &["SEARCH p USING INDEX sqlite_autoindex_position_1 (account_id=?)"]),
        ("due for review", helpers::DUE_FOR_REVIEW, &["account_alert_review", "ring_by_time", "ring_by_helper"]),
        ("access", access::ACCESS, &["SEARCH e USING INDEX sqlite_autoindex_emergency_1 (id=?)"]),
        ("list of helpers", accounts::HELPERS, &["account_helper", "SEARCH r USING COVERING INDEX report_about"]),
        (
            "list of helpers by verification",
            accounts::HELPERS_BY_VERIFICATION,
            &["account_verification", "SEARCH r USING COVERING INDEX report_about"],
        ),
        ("load", statements::LOAD, &["SEARCH e USING INDEX sqlite_autoindex_emergency_1 (id=?)"]),
        ("earlier call", statements::EARLIER_CALL, &["emergency_request", "emergency_one_live"]),
        ("live of", statements::LIVE_OF, &["emergency_one_live", "response_helper"]),
        ("pending", statements::PENDING, &["VIRTUAL TABLE INDEX 2:D1B0D3B2", "emergency_status (status=?)"]),
        ("nearby", statements::NEARBY, &["VIRTUAL TABLE INDEX 2:D1B0D3B2", "SEARCH e USING INTEGER PRIMARY KEY"]),
        ("history", statements::HISTORY, &["emergency_owner", "response_helper"]),
        ("live places", statements::LIVE_PLACES, &["COVERING INDEX emergency_status (status=? AND"]),
        ("places", statements::PLACES, &["COVERING INDEX emergency_status"]),
        ("by ids", statements::BY_IDS, &["SEARCH e USING INDEX sqlite_autoindex_emergency_1 (id=?)"]),
        ("listed", statements::LISTED_BY_IDS, &["COVERING INDEX emergency_owner", "deleted_emergency_owner"]),
        (
            "due",
            alerts::DUE,
            &[
                "COVERING INDEX emergency_due",
                "emergency_without_timer",
                "emergency_status (status=? AND created_at<?)",
            ],
        ),
        ("messages", messages::PAGE, &["message_emergency"]),
        ("events of", events::EVENTS_OF, &["event_emergency"]),
        ("tail", tail::AFTER, &["INTEGER PRIMARY KEY"]),
        ("range", events::RANGE, &["INTEGER PRIMARY KEY"]),
    ] {
        let steps = plan(&store, sql).await;
        for index in indexes {
            assert!(steps.iter().any(|step| step.contains(index)), "{name} does not use {index}: {steps:#?}");
        }
        // A statement may scan what it was given or made itself, and the index of engaged responses, which holds no others.
        let walked = steps.iter().find(|step| {
            step.starts_with("SCAN")
                && ![
                    "VIRTUAL TABLE INDEX",
                    "candidate",
                    "SCAN strip",
                    "SCAN s",
                    "CONSTANT ROW",
                    "SCAN c",
                    "ringing_owner",
                    "(subquery",
                    "response_one_engaged",
                ]
                .iter()
                .any(|own| step.contains(own))
        });
        assert_eq!(walked, None, "{name}: {steps:#?}");
    }
}
