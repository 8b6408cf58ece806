//! How the connections are used, as it is measured.

use std::time::Duration;

use metrics_exporter_prometheus::PrometheusBuilder;

use super::{account, commit, database, failed, open, register};
use crate::Options;

#[tokio::test]
async fn connections_are_counted_by_what_they_do_and_who_waits_in_vain_is_counted_too() {
    let (_, folder) = database().await;
    let recorder = PrometheusBuilder::new().build_recorder();
    let _guard = metrics::set_default_local_recorder(&recorder);
    let hurried = Options { queue_timeout: Duration::from_millis(50), ..Options::default() };
    let store = open(&folder, &hurried).await;
    let text = || {
        store.measure();
        recorder.handle().render()
    };
    let holds = |lines: &[&str]| {
        let text = text();
        for line in lines {
            assert!(text.lines().any(|written| written == *line), "{line}: {text}");
        }
    };
    holds(&[
        r#"allynet_db_connections_max{pool="writer"} 1"#,
        r#"allynet_db_connections_max{pool="readers"} 4"#,
        r#"allynet_db_connections{pool="writer",state="idle"} 1"#,
        r#"allynet_db_connections{pool="writer",state="used"} 0"#,
        r#"allynet_db_acquire_duration_seconds_count{pool="writer"} 0"#,
    ]);

    let held = store.writer.acquire().await.unwrap();
    failed(commit(&store, vec![register(&account(1))]).await);
    holds(&[
        r#"allynet_db_connections{pool="writer",state="idle"} 0"#,
        r#"allynet_db_connections{pool="writer",state="used"} 1"#,
        r#"allynet_db_acquire_duration_seconds_count{pool="writer"} 2"#,
        r#"allynet_db_timeouts_total{pool="writer",of="connection"} 1"#,
        r#"allynet_db_timeouts_total{pool="readers",of="connection"} 0"#,
    ]);

    drop(held);
    commit(&store, vec![register(&account(1))]).await.unwrap();
    holds(&[
        r#"allynet_db_acquire_duration_seconds_count{pool="writer"} 3"#,
        r#"allynet_db_timeouts_total{pool="writer",of="connection"} 1"#,
    ]);
}
