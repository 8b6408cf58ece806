use super::*;

fn connection() -> Connection {
    let (peer, close) = (SocketAddr::from(([127, 0, 0, 1], 1)), CancellationToken::new());
    Connection { peer, close, lane: Arc::default() }
}

fn closes(connections: &[Connection]) -> Vec<CancellationToken> {
    connections.iter().map(|connection| connection.close.clone()).collect()
}

#[test]
fn sessions_whose_connections_ended_are_forgotten() {
    let mut sessions = Sessions::default();
    let (living, polling) = ((Sid::new(), connection()), (Sid::new(), Arc::default()));
    sessions.upgraded(living.0, living.1.clone());
    sessions.count_polled(polling.0, &polling.1);
    for _ in 0..10 * PURGE_MIN {
        let ended = connection();
        sessions.upgraded(Sid::new(), ended.clone());
        sessions.count_polled(Sid::new(), &Arc::default());
        ended.close.cancel();
    }
    assert!(sessions.by_sid.len() <= PURGE_MIN, "{} remembered", sessions.by_sid.len());
    assert_eq!(closes(&sessions.carriers(living.0)), [living.1.close]);
    assert!(sessions.by_sid.contains_key(&polling.0));
}

#[test]
fn many_living_sessions_are_all_kept() {
    let mut sessions = Sessions::default();
    let all: Vec<_> = (0..3 * PURGE_MIN).map(|_| (Sid::new(), connection())).collect();
    for (sid, connection) in &all {
        sessions.upgraded(*sid, connection.clone());
    }
    for (sid, connection) in all {
        assert_eq!(closes(&sessions.remove(sid)), [connection.close]);
    }
}

#[test]
fn a_session_is_ended_once() {
    let mut sessions = Sessions::default();
    let sid = Sid::new();
    assert!(!sessions.is_ending(sid));
    assert!(sessions.start_ending(sid).is_some());
    assert!(sessions.start_ending(sid).is_none());
    assert!(sessions.is_ending(sid));
    sessions.remove(sid);
    assert!(!sessions.is_ending(sid));
}

#[test]
fn a_poll_takes_from_what_is_owed() {
    let (mut sessions, sid, owed) = (Sessions::default(), Sid::new(), Arc::<Owed>::default());
    sessions.count_polled(sid, &owed);
    owed.add(100);
    sessions.polled(sid, 40);
    assert_eq!(owed.bytes(), 60);
    sessions.polled(sid, 70);
    assert_eq!(owed.bytes(), 0);
}

#[test]
fn a_request_that_owns_its_bytes_says_the_same() {
    let mut request = Request::builder()
        .uri("/socket.io/?EIO=4&transport=websocket&token=a%20b")
        .header("Origin", "http://localhost")
        .header("X-Of-Ours", "one")
        .header("X-Of-Ours", &b"two\xff"[..])
        .body(7)
        .unwrap();
    let before = (request.uri().clone(), request.headers().clone());
    own_bytes(&mut request);
    assert_eq!((request.uri(), request.headers(), request.body()), (&before.0, &before.1, &7));
}
