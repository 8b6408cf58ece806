//! Names, labels and units of the metrics.

use metrics_exporter_prometheus::{PrometheusBuilder, PrometheusHandle};

use super::*;
use crate::{
    hub::members::RoomCounts,
    session::{in_flight::InFlight, inbox::Inbox},
};

fn recorded_metrics() -> (Metrics, PrometheusHandle) {
    let recorder = PrometheusBuilder::new().set_buckets(&[0.5, 5.0]).unwrap().build_recorder();
    let handle = recorder.handle();
    (metrics::with_local_recorder(&recorder, Metrics::new), handle)
}

/// The rendered value of a series.
fn value(handle: &PrometheusHandle, series: &str) -> Option<String> {
    let text = handle.render();
    text.lines().find_map(|line| line.strip_prefix(series)?.strip_prefix(' ').map(ToOwned::to_owned))
}

fn at(seconds: i64) -> Timestamp {
    Timestamp::UNIX_EPOCH + TimeDelta::seconds(seconds)
}

#[test]
fn every_delivered_event_is_counted_under_its_name() {
    let (metrics, handle) = recorded_metrics();
    for (sockets, name) in (1..).zip(NAMES) {
        metrics.record_deliveries(name, sockets);
        metrics.record_deliveries(name, 100);
        let series = format!(r#"allynet_deliveries_total{{event="{name}"}}"#);
        assert_eq!(value(&handle, &series), Some((100 + sockets).to_string()), "{name}");
    }
    metrics.record_deliveries("no such event", 1);
    assert_eq!(handle.render().matches("allynet_deliveries_total{").count(), NAMES.len());
}

#[test]
fn a_full_queue_counts_as_a_refused_emit_and_a_closed_socket_does_not() {
    let (metrics, handle) = recorded_metrics();
    let full = SendError::Socket(SocketError::InternalChannelFull);
    metrics.record_emit_error(EmitKind::Log, &full);
    metrics.record_emit_error(EmitKind::Other, &full);
    metrics.record_emit_error(EmitKind::Other, &full);
    metrics.record_emit_error(EmitKind::Log, &SendError::Socket(SocketError::Closed));
    assert_eq!(value(&handle, r#"allynet_refused_emits_total{of="log"}"#).as_deref(), Some("1"));
    assert_eq!(value(&handle, r#"allynet_refused_emits_total{of="other"}"#).as_deref(), Some("2"));
}

#[test]
fn durations_are_in_seconds_and_never_negative() {
    let (metrics, handle) = recorded_metrics();
    metrics.record_event_lag(at(10), at(11));
    metrics.record_event_lag(at(10), at(9));
    metrics.record_acknowledgement(at(10), at(13));
    assert_eq!(value(&handle, "allynet_event_lag_seconds_sum").as_deref(), Some("1"));
    assert_eq!(value(&handle, r#"allynet_event_lag_seconds_bucket{le="0.5"}"#).as_deref(), Some("1"));
    assert_eq!(value(&handle, "allynet_event_lag_seconds_count").as_deref(), Some("2"));
    assert_eq!(value(&handle, "allynet_alert_acknowledgement_seconds_sum").as_deref(), Some("3"));
}

#[test]
fn rooms_are_counted_by_kind() {
    let (metrics, handle) = recorded_metrics();
    let rooms = RoomCounts { helpers: 1, user: 2, emergency: 3, participants: 4 };
    metrics.set_counts(&HubCounts { sockets: 7, rooms });
    assert_eq!(value(&handle, "allynet_sockets").as_deref(), Some("7"));
    for (count, kind) in (1..).zip(["helpers", "user", "emergency", "participants"]) {
        let series = format!(r#"allynet_rooms{{kind="{kind}"}}"#);
        assert_eq!(value(&handle, &series), Some(i32::to_string(&count)));
    }
}

#[tokio::test]
async fn waiting_jobs_are_counted_and_running_or_discarded_ones_are_not() {
    let (metrics, handle) = recorded_metrics();
    let waiting = || value(&handle, "allynet_inbox_events").unwrap();
    let inboxes = [0; 2].map(|_| Inbox::instrumented(3, metrics.inbox_events.clone(), InFlight::default()));
    let (begun, mut begins) = tokio::sync::mpsc::unbounded_channel();
    for inbox in &inboxes {
        let begun = begun.clone();
        let first = async move {
            begun.send(()).unwrap();
            std::future::pending::<()>().await;
        };
        inbox.push(first).unwrap();
        inbox.push(async {}).unwrap();
    }
    begins.recv().await.unwrap();
    begins.recv().await.unwrap();
    assert_eq!(waiting(), "2");
    inboxes[0].push(async {}).unwrap();
    inboxes[0].push(async {}).unwrap();
    inboxes[0].push(async {}).unwrap_err();
    assert_eq!(waiting(), "4");
    inboxes[0].close();
    assert_eq!(waiting(), "1");
    drop(inboxes);
    assert_eq!(waiting(), "0");
}
