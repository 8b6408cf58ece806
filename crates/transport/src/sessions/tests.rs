//! Bookkeeping of sessions and their purge.

use std::net::SocketAddr;

use tokio_util::sync::CancellationToken;

use super::*;

fn connection() -> Connection {
    let (peer, close) = (SocketAddr::from(([127, 0, 0, 1], 1)), CancellationToken::new());
    Connection::new(peer, close, Arc::default())
}

fn close_tokens(connections: &[Connection]) -> Vec<CancellationToken> {
    connections.iter().map(|connection| connection.close.clone()).collect()
}

#[test]
fn dead_sessions_are_purged() {
    let mut sessions = Sessions::default();
    let (upgraded, polling) = ((Sid::new(), connection()), (Sid::new(), Arc::default()));
    sessions.upgraded(upgraded.0, upgraded.1.clone());
    sessions.track_polls(polling.0, &polling.1);
    for _ in 0..10 * PURGE_MIN_SESSIONS {
        let ended = connection();
        sessions.upgraded(Sid::new(), ended.clone());
        sessions.track_polls(Sid::new(), &Arc::default());
        ended.close.cancel();
    }
    assert!(sessions.by_sid.len() <= PURGE_MIN_SESSIONS, "{} remain", sessions.by_sid.len());
    assert_eq!(close_tokens(&sessions.upgraded_connections(upgraded.0)), [upgraded.1.close]);
    assert!(sessions.by_sid.contains_key(&polling.0));
}

#[test]
fn live_sessions_are_never_purged() {
    let mut sessions = Sessions::default();
    let all: Vec<_> = (0..3 * PURGE_MIN_SESSIONS).map(|_| (Sid::new(), connection())).collect();
    for (sid, connection) in &all {
        sessions.upgraded(*sid, connection.clone());
    }
    for (sid, connection) in all {
        assert_eq!(close_tokens(&sessions.remove(sid)), [connection.close]);
    }
}

#[test]
fn closing_a_session_starts_once() {
    let mut sessions = Sessions::default();
    let sid = Sid::new();
    assert!(!sessions.is_closing(sid));
    assert!(sessions.start_closing(sid).is_some());
    assert!(sessions.start_closing(sid).is_none());
    assert!(sessions.is_closing(sid));
    sessions.remove(sid);
    assert!(!sessions.is_closing(sid));
}

#[test]
fn a_poll_subtracts_its_body_from_the_queued_bytes() {
    let (mut sessions, sid, queued) = (Sessions::default(), Sid::new(), Arc::<QueuedBytes>::default());
    sessions.track_polls(sid, &queued);
    queued.add(100);
    sessions.polled(sid, 40);
    assert_eq!(queued.get(), 60);
    sessions.polled(sid, 70);
    assert_eq!(queued.get(), 0);
}

#[test]
fn a_request_is_recorded_only_for_a_session_that_exists() {
    let (mut sessions, queued) = (Sessions::default(), Arc::default());
    let (known, unknown) = (Sid::new(), Sid::new());
    sessions.track_polls(known, &queued);
    assert_eq!(sessions.last_request(known), None);
    for sid in [known, unknown] {
        sessions.record_request(sid);
    }
    assert!(sessions.last_request(known).is_some());
    assert_eq!(sessions.by_sid.len(), 1);
}
