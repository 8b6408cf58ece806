//! The contract of the port `Signals`, as cases that every adapter of it has to pass.

use std::{sync::Arc, time::Duration};

use allynet_domain::{
    Announcement, NodeId, Position, Signal, Timestamp,
    port::{SignalListener, Signals},
};
use tokio::time::{Instant, sleep, timeout};
use uuid::Uuid;

/// How long a signal may take.
pub const LIMIT: Duration = Duration::from_secs(5);

/// Nodes of one service; nobody else's signals reach them.
pub type Nodes = Vec<Arc<dyn Signals>>;

/// The signal with this number.
pub fn signal(number: u64) -> Signal {
    Signal::Presence { node: node(0), count: number, news: Announcement::Alive }
}

pub fn node(number: u128) -> NodeId {
    Uuid::from_u128(number).into()
}

/// The next signal, in good time.
pub async fn next(listener: &mut Box<dyn SignalListener>) -> Signal {
    timeout(LIMIT, listener.next()).await.expect("no signal")
}

/// Comes back when the signals of all these nodes travel.
pub async fn travelling(nodes: &[Arc<dyn Signals>]) {
    let begin = Instant::now();
    while !nodes.iter().all(|node| node.travel()) {
        assert!(begin.elapsed() < LIMIT, "signals do not travel");
        sleep(Duration::from_millis(10)).await;
    }
}

pub async fn what_one_tells_every_other_hears_in_order_and_itself_does_not(nodes: Nodes) {
    let mut listeners: Vec<_> = nodes.iter().map(|node| node.listen()).collect();
    for number in 0..500 {
        nodes[0].tell(signal(number));
    }
    for listener in &mut listeners[1..] {
        for number in 0..500 {
            assert_eq!(next(listener).await, signal(number));
        }
    }
    nodes[1].tell(signal(1_000));
    assert_eq!(next(&mut listeners[0]).await, signal(1_000), "nothing of its own came before");
}

pub async fn every_signal_arrives_as_it_was_told(nodes: Nodes) {
    let mut listener = nodes[1].listen();
    let (user, position) = (Uuid::from_u128(7).into(), Position::new(-33.868_820_1, 151.209_295_7).unwrap());
    let at: Timestamp = "2026-01-15T10:00:00.123456Z".parse().unwrap();
    let presence = |news| Signal::Presence { node: node(3), count: u64::MAX, news };
    for signal in [
        Signal::Moved { user, position, at },
        presence(Announcement::Here { user, on_duty: true }),
        presence(Announcement::Gone { user }),
        presence(Announcement::Everybody {
            users: (0..20_000).map(|n| (Uuid::from_u128(n).into(), n % 2 == 0)).collect(),
        }),
        presence(Announcement::Alive),
        presence(Announcement::Ask { of: None }),
        presence(Announcement::Leaving),
    ] {
        nodes[0].tell(signal.clone());
        assert_eq!(next(&mut listener).await, signal);
    }
}

pub async fn telling_never_waits_and_the_newest_are_heard(nodes: Nodes) {
    let mut slow = nodes[1].listen();
    let begin = Instant::now();
    for number in 0..100_000 {
        nodes[0].tell(signal(number));
    }
    assert!(begin.elapsed() < LIMIT, "{:?}", begin.elapsed());
    nodes[0].tell(signal(u64::MAX));
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

pub async fn who_listens_hears_what_is_told_from_then_on(nodes: Nodes) {
    let mut early = nodes[1].listen();
    nodes[0].tell(signal(1));
    assert_eq!(next(&mut early).await, signal(1));
    let mut late = nodes[1].listen();
    nodes[0].tell(signal(2));
    for listener in [&mut early, &mut late] {
        assert_eq!(next(listener).await, signal(2));
    }
    drop(early);
    nodes[0].tell(signal(3));
    assert_eq!(next(&mut late).await, signal(3));
}

/// Runs every case, on three nodes that `$nodes` makes anew for each.
#[macro_export]
macro_rules! signals_contract {
    ($nodes:expr) => {
        $crate::signals_contract! { $nodes;
            what_one_tells_every_other_hears_in_order_and_itself_does_not
            every_signal_arrives_as_it_was_told
            telling_never_waits_and_the_newest_are_heard
            who_listens_hears_what_is_told_from_then_on
        }
    };
    ($nodes:expr; $($case:ident)+) => {$(
        #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
        async fn $case() {
            let nodes: $crate::signals::Nodes = $nodes;
            $crate::signals::travelling(&nodes).await;
            $crate::signals::$case(nodes).await;
        }
    )+};
}
