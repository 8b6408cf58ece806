//! That what happens is measured, under the right name and in the right unit.

use metrics_exporter_prometheus::{PrometheusBuilder, PrometheusHandle};

use super::*;
use crate::session::inbox::Inbox;

fn measures() -> (Measures, PrometheusHandle) {
    let recorder = PrometheusBuilder::new().set_buckets(&[0.5, 5.0]).unwrap().build_recorder();
    let handle = recorder.handle();
    (metrics::with_local_recorder(&recorder, Measures::new), handle)
}

/// What is written after this name and these labels.
fn value(handle: &PrometheusHandle, series: &str) -> Option<String> {
    let text = handle.render();
    text.lines().find_map(|line| line.strip_prefix(series)?.strip_prefix(' ').map(ToOwned::to_owned))
}

fn at(seconds: i64) -> Timestamp {
    Timestamp::UNIX_EPOCH + TimeDelta::seconds(seconds)
}

#[test]
fn every_event_that_is_told_is_counted_under_its_name() {
    let (measures, handle) = measures();
    for (sockets, name) in (1..).zip(NAMES) {
        measures.delivered(name, sockets);
        measures.delivered(name, 100);
        let series = format!(r#"allynet_deliveries_total{{event="{name}"}}"#);
        assert_eq!(value(&handle, &series), Some((100 + sockets).to_string()), "{name}");
    }
    measures.delivered("no such event", 1);
    assert_eq!(handle.render().matches("allynet_deliveries_total{").count(), NAMES.len());
}

#[test]
fn a_full_queue_is_a_refusal_and_a_closed_socket_is_none() {
    let (measures, handle) = measures();
    let full = SendError::Socket(SocketError::InternalChannelFull);
    measures.failed(Emitted::Log, &full);
    measures.failed(Emitted::Other, &full);
    measures.failed(Emitted::Other, &full);
    measures.failed(Emitted::Log, &SendError::Socket(SocketError::Closed));
    assert_eq!(value(&handle, r#"allynet_refused_emits_total{of="log"}"#).as_deref(), Some("1"));
    assert_eq!(value(&handle, r#"allynet_refused_emits_total{of="other"}"#).as_deref(), Some("2"));
}

#[test]
fn times_are_measured_in_seconds_and_clocks_that_differ_do_not_make_them_negative() {
    let (measures, handle) = measures();
    measures.told(at(10), at(11));
    measures.told(at(10), at(9));
    measures.acknowledged(at(10), at(13));
    assert_eq!(value(&handle, "allynet_event_lag_seconds_sum").as_deref(), Some("1"));
    assert_eq!(value(&handle, r#"allynet_event_lag_seconds_bucket{le="0.5"}"#).as_deref(), Some("1"));
    assert_eq!(value(&handle, "allynet_event_lag_seconds_count").as_deref(), Some("2"));
    assert_eq!(value(&handle, "allynet_alert_acknowledgement_seconds_sum").as_deref(), Some("3"));
}

#[test]
fn rooms_are_counted_by_their_kind() {
    let (measures, handle) = measures();
    let id = uuid::Uuid::nil();
    let mut rooms = [0; 4];
    for (index, room) in
        [Room::Helpers, Room::User(id.into()), Room::Emergency(id.into()), Room::Participants(id.into())]
            .iter()
            .enumerate()
    {
        rooms[kind(room)] = index + 1;
    }
    measures.counted(&Counts { sockets: 7, rooms });
    assert_eq!(value(&handle, "allynet_sockets").as_deref(), Some("7"));
    for (count, kind) in ["helpers", "user", "emergency", "participants"].iter().enumerate() {
        let series = format!(r#"allynet_rooms{{kind="{kind}"}}"#);
        assert_eq!(value(&handle, &series), Some((count + 1).to_string()));
    }
}

#[tokio::test]
async fn what_waits_in_inboxes_is_counted_and_what_runs_or_was_discarded_is_not() {
    let (measures, handle) = measures();
    let waiting = || value(&handle, "allynet_inbox_events").unwrap();
    let inboxes = [0; 2].map(|_| Inbox::among(3, measures.inboxes.clone()));
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
