//! Metrics of the two connection pools.

use std::time::Duration;

use metrics_exporter_prometheus::PrometheusBuilder;

use super::{account, commit, database, failed, open, register};
use crate::Options;

#[tokio::test]
async fn connections_in_use_waits_and_timeouts_are_counted_by_pool() {
    let (_, folder) = database().await;
    let recorder = PrometheusBuilder::new().build_recorder();
    let _guard = metrics::set_default_local_recorder(&recorder);
    let impatient = Options { queue_timeout: Duration::from_millis(500), ..Options::default() };
    let store = open(&folder, &impatient).await;
    let text = || {
        store.measure();
        recorder.handle().render()
    };
    let assert_lines = |lines: &[&str]| {
        let text = text();
        for line in lines {
            assert!(text.lines().any(|written| written == *line), "{line} is missing in {text}");
        }
    };
    assert_lines(&[
        r#"allynet_db_connections_max{pool="writer"} 1"#,
        r#"allynet_db_connections_max{pool="readers"} 4"#,
        r#"allynet_db_connections{pool="writer",state="idle"} 1"#,
        r#"allynet_db_connections{pool="writer",state="used"} 0"#,
        r#"allynet_db_acquire_duration_seconds_count{pool="writer"} 0"#,
    ]);

    let held = store.writer.acquire().await.unwrap();
    failed(commit(&store, vec![register(&account(1))]).await);
    assert_lines(&[
        r#"allynet_db_connections{pool="writer",state="idle"} 0"#,
        r#"allynet_db_connections{pool="writer",state="used"} 1"#,
        r#"allynet_db_acquire_duration_seconds_count{pool="writer"} 2"#,
        r#"allynet_db_timeouts_total{pool="writer",of="connection"} 1"#,
        r#"allynet_db_timeouts_total{pool="readers",of="connection"} 0"#,
    ]);

    drop(held);
    commit(&store, vec![register(&account(1))]).await.unwrap();
    assert_lines(&[
        r#"allynet_db_acquire_duration_seconds_count{pool="writer"} 3"#,
        r#"allynet_db_timeouts_total{pool="writer",of="connection"} 1"#,
    ]);
}
