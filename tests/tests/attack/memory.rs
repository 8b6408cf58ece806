//! Memory after a burst: what a crowd takes for a moment is given back, not kept until the process ends. Sockets and their
//! events touch no database, so one kind is enough. The memory after many logins is judged in [`super::logins`].

use std::{
    net::{Ipv4Addr, SocketAddr},
    time::Duration,
};

use allynet_tests::service::{
    http::connect,
    node::Node,
    world::{Kind, Person, World},
};
use futures_util::{SinkExt as _, StreamExt as _};
use serde_json::json;
use tokio::{
    net::TcpStream,
    task::JoinSet,
    time::{Instant, sleep},
};
use tokio_tungstenite::{WebSocketStream, tungstenite::Message};

use crate::{
    connections::enter,
    form::{alone, pick},
};

/// Connections that one user may have.
const SOCKETS_PER_USER: usize = 10;
/// Users that connect at a time.
const CROWD: usize = 50;
/// Padding of an event, so that its packet is just below the largest that is accepted.
const PADDING: usize = 65_000;
/// How much of the memory before a burst may be resident after it, in percent.
const MAX_AFTER_BURST: u64 = 130;
/// Until the sockets of the warm-up are closed.
const SETTLE_TIME: Duration = Duration::from_secs(1);
const GIVE_BACK_TIMEOUT: Duration = Duration::from_mins(1);

type Socket = WebSocketStream<TcpStream>;

/// The sockets of these users, as many as each may have.
async fn sockets_of(people: &[Person], node: SocketAddr) -> Vec<Socket> {
    let mut sockets = Vec::new();
    for crowd in people.chunks(CROWD) {
        let mut entering = JoinSet::new();
        for person in crowd {
            let person = person.clone();
            entering.spawn(async move {
                let mut sockets = Vec::new();
                for _ in 0..SOCKETS_PER_USER {
                    let connection = connect(Ipv4Addr::LOCALHOST, node).await.unwrap();
                    sockets.push(enter(connection, node, &person).await.unwrap());
                }
                sockets
            });
        }
        while let Some(entered) = entering.join_next().await {
            sockets.extend(entered.unwrap());
        }
    }
    sockets
}

/// Sends events of the largest size on a socket, each after the answer to the one before.
async fn send_large_events(socket: &mut Socket, count: usize) {
    let body = json!(["emergency:leave", { "emergencyId": "none", "padding": "x".repeat(PADDING) }]);
    let event = format!("42/emergencies,1{body}");
    for _ in 0..count {
        socket.send(Message::text(event.clone())).await.unwrap();
        loop {
            let message = socket.next().await.unwrap().unwrap();
            if message.to_text().unwrap().starts_with("43/emergencies,1") {
                break;
            }
        }
    }
}

/// Waits until the node has given back what it took since `before`.
pub(crate) async fn is_given_back(node: &Node, before: u64, what: &str) {
    let (peak, begun) = (node.resident(), Instant::now());
    while node.resident() * 100 > before * MAX_AFTER_BURST && begun.elapsed() < GIVE_BACK_TIMEOUT {
        sleep(Duration::from_millis(100)).await;
    }
    let (after, took) = (node.resident(), begun.elapsed());
    println!("{what}: {} MB before, {} MB at the peak, {} MB after {took:.1?}", before >> 20, peak >> 20, after >> 20);
    assert!(after * 100 <= before * MAX_AFTER_BURST, "{what}: {after} bytes instead of {before}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn memory_of_many_sockets_is_given_back() {
    let _alone = alone().await;
    let world = World::new(&Kind::Sqlite, 0, 0, pick(100, 500)).await;
    let node = Node::start_with_descriptors(20_000, &world.url(), &[]).await;
    // So that pools and caches have their size.
    drop(sockets_of(&world.owners[..10], node.address).await);
    sleep(SETTLE_TIME).await;
    let before = node.resident();
    let sockets = sockets_of(&world.owners, node.address).await;
    println!("{} sockets: {} MB", sockets.len(), node.resident() >> 20);
    drop(sockets);
    is_given_back(&node, before, "many sockets").await;
    node.stop().await;
    world.remove().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn memory_of_large_events_is_given_back() {
    let _alone = alone().await;
    let world = World::new(&Kind::Sqlite, 0, 0, 5).await;
    let node = Node::start_with(&world.url(), &[("ALLYNET_RATE_LIMITS", "off")]).await;
    drop(sockets_of(&world.owners, node.address).await);
    sleep(SETTLE_TIME).await;
    let before = node.resident();
    let mut sending = JoinSet::new();
    for mut socket in sockets_of(&world.owners, node.address).await {
        sending.spawn(async move {
            send_large_events(&mut socket, pick(20, 200)).await;
            socket
        });
    }
    let sockets = sending.join_all().await;
    assert_eq!(sockets.len(), 5 * SOCKETS_PER_USER);
    println!("large events: {} MB", node.resident() >> 20);
    drop(sockets);
    is_given_back(&node, before, "large events").await;
    node.stop().await;
    world.remove().await;
}
