//! Signals during outages of Redis: sending never waits, and signals arrive again a few seconds after Redis is back.

use std::{sync::Arc, time::Duration};

use allynet_domain::{
    Announcement, Signal,
    port::{SignalListener, Signals},
};
use allynet_tests::{
    redis::{MAX_RECOVERY_TIME, Server, nodes},
    signals::{connected, next, signal},
};
use tokio::time::{Instant, sleep, timeout};

/// A signal that waited for Redis would wait for a command to be given up.
const MIN_WAIT: Duration = Duration::from_secs(1);

/// Waits until the nodes notice the outage; sends a signal every millisecond meanwhile, which must not wait.
async fn until_away(nodes: &[Arc<dyn Signals>]) {
    let begin = Instant::now();
    while nodes.iter().any(|node| node.is_connected()) {
        assert!(begin.elapsed() < MAX_RECOVERY_TIME, "the outage was not noticed");
        tell_without_waiting(nodes, 10);
        sleep(Duration::from_millis(10)).await;
    }
}

fn tell_without_waiting(nodes: &[Arc<dyn Signals>], count: u64) {
    let begin = Instant::now();
    for number in 0..count {
        nodes[0].publish(signal(number));
    }
    assert!(begin.elapsed() < MIN_WAIT, "{:?} for {count}", begin.elapsed());
}

/// Asserts that the nodes reconnect before the deadline and that signals arrive again.
async fn recovers(nodes: &[Arc<dyn Signals>], listener: &mut Box<dyn SignalListener>, number: u64) {
    let begin = Instant::now();
    connected(nodes).await;
    nodes[0].publish(signal(number));
    while next(listener).await != signal(number) {}
    assert!(begin.elapsed() < MAX_RECOVERY_TIME, "{:?}", begin.elapsed());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_node_that_starts_without_redis_connects_when_it_starts() {
    let mut server = Server::stopped();
    let nodes = nodes(&server.url(), 2);
    let mut listener = nodes[1].listen();
    tell_without_waiting(&nodes, 10_000);
    sleep(Duration::from_secs(3)).await;
    assert!(!nodes[0].is_connected() && !nodes[1].is_connected());
    server.start();
    recovers(&nodes, &mut listener, 1_000_000).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_outage_is_noticed_and_ends_when_redis_restarts() {
    let mut server = Server::stopped();
    server.start();
    let nodes = nodes(&server.url(), 2);
    let mut listener = nodes[1].listen();
    recovers(&nodes, &mut listener, 1_000_000).await;
    for (round, away) in [0, 1, 8].into_iter().enumerate() {
        server.stop();
        until_away(&nodes).await;
        sleep(Duration::from_secs(away)).await;
        tell_without_waiting(&nodes, 10_000);
        server.start();
        recovers(&nodes, &mut listener, 2_000_000 + round as u64).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_frozen_redis_is_noticed_and_delays_no_caller() {
    let mut server = Server::stopped();
    server.start();
    let nodes = nodes(&server.url(), 2);
    let mut listener = nodes[1].listen();
    recovers(&nodes, &mut listener, 1_000_000).await;
    for (round, frozen) in [0, 4, 12].into_iter().enumerate() {
        server.freeze();
        until_away(&nodes).await;
        let begin = Instant::now();
        while begin.elapsed() < Duration::from_secs(frozen) {
            tell_without_waiting(&nodes, 1_000);
            sleep(Duration::from_millis(50)).await;
        }
        server.thaw();
        recovers(&nodes, &mut listener, 2_000_000 + round as u64).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_last_signals_are_published_before_a_node_stops() {
    let mut server = Server::stopped();
    server.start();
    let others = nodes(&server.url(), 1);
    let mut listener = others[0].listen();
    let leaving = allynet_redis::Redis::start(&server.url().parse().unwrap(), allynet_tests::signals::node(9)).unwrap();
    let begin = Instant::now();
    while !(leaving.is_connected() && others[0].is_connected()) {
        assert!(begin.elapsed() < MAX_RECOVERY_TIME);
        sleep(Duration::from_millis(10)).await;
    }
    for number in 0..2_000 {
        leaving.publish(signal(number));
    }
    let goodbye =
        Signal::Presence { node: allynet_tests::signals::node(9), count: 0, news: Announcement::NodeStopping };
    leaving.publish(goodbye.clone());
    leaving.flush(Duration::from_secs(2)).await;
    drop(leaving);
    timeout(MAX_RECOVERY_TIME, async { while listener.next().await != goodbye {} }).await.unwrap();
}
