//! The contract of the port `Signals`: cases that every adapter has to pass.

use std::{sync::Arc, time::Duration};

use allynet_domain::{
    Announcement, NodeId, Position, Signal, Timestamp,
    port::{SignalListener, Signals},
};
use tokio::time::{Instant, sleep, timeout};
use uuid::Uuid;

/// The maximum time until a signal arrives.
pub const SIGNAL_TIMEOUT: Duration = Duration::from_secs(30);

/// Nodes of one service, which receive no signals of other tests.
pub type Nodes = Vec<Arc<dyn Signals>>;

/// The signal with this number.
pub fn signal(number: u64) -> Signal {
    Signal::Presence { node: node(0), count: number, news: Announcement::Heartbeat }
}

pub fn node(number: u128) -> NodeId {
    Uuid::from_u128(number).into()
}

/// The next signal; fails after [`SIGNAL_TIMEOUT`].
pub async fn next(listener: &mut Box<dyn SignalListener>) -> Signal {
    timeout(SIGNAL_TIMEOUT, listener.next()).await.expect("no signal")
}

/// Waits until all these nodes are connected to each other.
pub async fn connected(nodes: &[Arc<dyn Signals>]) {
    let begin = Instant::now();
    while !nodes.iter().all(|node| node.is_connected()) {
        assert!(begin.elapsed() < SIGNAL_TIMEOUT, "signals are not connected");
        sleep(Duration::from_millis(10)).await;
    }
}

pub async fn signals_of_a_node_reach_every_other_node_in_order_and_not_itself(nodes: Nodes) {
    let mut listeners: Vec<_> = nodes.iter().map(|node| node.listen()).collect();
    for number in 0..500 {
        nodes[0].publish(signal(number));
    }
    for listener in &mut listeners[1..] {
        for number in 0..500 {
            assert_eq!(next(listener).await, signal(number));
        }
    }
    nodes[1].publish(signal(1_000));
    assert_eq!(next(&mut listeners[0]).await, signal(1_000), "nothing of its own came before");
}

pub async fn every_signal_arrives_unchanged(nodes: Nodes) {
    let mut listener = nodes[1].listen();
    let (user, position) = (Uuid::from_u128(7).into(), Position::new(-33.868_820_1, 151.209_295_7).unwrap());
    let at: Timestamp = "2026-01-15T10:00:00.123456Z".parse().unwrap();
    let presence = |news| Signal::Presence { node: node(3), count: u64::MAX, news };
    for signal in [
        Signal::Moved { user, position, at },
        presence(Announcement::Connected { user, on_duty: true }),
        presence(Announcement::Disconnected { user }),
        presence(Announcement::Snapshot {
            users: (0..20_000).map(|n| (Uuid::from_u128(n).into(), n % 2 == 0)).collect(),
        }),
        presence(Announcement::Heartbeat),
        presence(Announcement::SnapshotRequest { of: None }),
        presence(Announcement::NodeStopping),
        Signal::Traced {
            at,
            emergency: Some(Uuid::from_u128(8).into()),
            actor: None,
            event: "emergency_created".to_owned(),
            parent: "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01".to_owned(),
        },
    ] {
        nodes[0].publish(signal.clone());
        assert_eq!(next(&mut listener).await, signal);
    }
}

pub async fn sending_never_waits_and_the_newest_signals_arrive(nodes: Nodes) {
    let mut slow = nodes[1].listen();
    let begin = Instant::now();
    for number in 0..100_000 {
        nodes[0].publish(signal(number));
    }
    assert!(begin.elapsed() < SIGNAL_TIMEOUT, "{:?}", begin.elapsed());
    nodes[0].publish(signal(u64::MAX));
    let mut before = None;
    loop {
        let Signal::Presence { count, .. } = next(&mut slow).await else { panic!("another signal") };
        assert!(before < Some(count), "{before:?} {count}");
        before = Some(count);
        if count == u64::MAX {
            break;
        }
    }
}

pub async fn a_listener_receives_signals_sent_from_then_on(nodes: Nodes) {
    let mut early = nodes[1].listen();
    nodes[0].publish(signal(1));
    assert_eq!(next(&mut early).await, signal(1));
    let mut late = nodes[1].listen();
    nodes[0].publish(signal(2));
    for listener in [&mut early, &mut late] {
        assert_eq!(next(listener).await, signal(2));
    }
    drop(early);
    nodes[0].publish(signal(3));
    assert_eq!(next(&mut late).await, signal(3));
}

/// Makes a test of every case, each on three new nodes from `$nodes`.
#[macro_export]
macro_rules! signals_contract {
    ($nodes:expr) => {
        $crate::signals_contract! { $nodes;
            signals_of_a_node_reach_every_other_node_in_order_and_not_itself
            every_signal_arrives_unchanged
            sending_never_waits_and_the_newest_signals_arrive
            a_listener_receives_signals_sent_from_then_on
        }
    };
    ($nodes:expr; $($case:ident)+) => {$(
        #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
        async fn $case() {
            let nodes: $crate::signals::Nodes = $nodes;
            $crate::signals::connected(&nodes).await;
            $crate::signals::$case(nodes).await;
        }
    )+};
}
