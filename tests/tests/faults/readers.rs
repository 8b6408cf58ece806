//! Clients that stop reading, among many that do not.

use std::{
    collections::HashMap,
    fs,
    net::SocketAddr,
    time::{Duration, Instant},
};

use allynet_tests::service::{
    node::{Node, Route},
    world::{Kind, World},
};
use tokio::time::sleep;

use crate::{
    burst::Scene,
    checker::check,
    client::{Client, Manners},
    crashes::report,
    form::{Chance, alone, number, pick, seed},
};

/// The time without progress after which the server has to close a socket.
const STALL_DEADLINE: Duration = Duration::from_secs(10);
/// Additional time for scheduling, and the maximum delay of events for other clients: much less than until a stalled client is
/// closed. More in the short form, whose machine may do other things.
fn slack() -> Duration {
    pick(Duration::from_secs(5), Duration::from_secs(1))
}

/// The number of emergencies that are raised right before the node is stopped.
const EMERGENCIES_AT_STOP: usize = 40;
/// The maximum memory of the node for one stalled reader, in bytes.
const MAX_BYTES_PER_READER: u64 = 1_000_000;
/// The maximum memory of the ring of newest events, in bytes.
const MAX_RING_BYTES: u64 = 8_000_000;
/// The state of a connection in `/proc/net/tcp`.
const ESTABLISHED: &str = "01";

/// The bytes that the server's end of a connection has sent and the peer has not accepted; `None` once it is closed.
fn unsent(server: SocketAddr, peer: SocketAddr) -> Option<u64> {
    let table = fs::read_to_string("/proc/net/tcp").unwrap();
    let end = |address: SocketAddr| format!(":{:04X}", address.port());
    let (server, peer) = (end(server), end(peer));
    table.lines().find_map(|line| {
        let mut fields = line.split_whitespace().skip(1);
        let ours =
            fields.next()?.ends_with(&server) && fields.next()?.ends_with(&peer) && fields.next()? == ESTABLISHED;
        let queue = ours.then(|| fields.next()).flatten()?.split(':').next()?;
        u64::from_str_radix(queue, 16).ok()
    })
}

/// Waits until the server has closed the connection; returns for how long it had made no progress.
async fn closed(server: SocketAddr, peer: SocketAddr, limit: Duration) -> Duration {
    let (begun, mut queued, mut stalled) = (Instant::now(), None, Instant::now());
    loop {
        let now = unsent(server, peer);
        if now.is_none() {
            return stalled.elapsed();
        }
        if now != queued {
            (queued, stalled) = (now, Instant::now());
        }
        assert!(
            begun.elapsed() < limit,
            "a client that reads nothing is still connected, with {queued:?} bytes queued"
        );
        sleep(Duration::from_millis(20)).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn clients_that_stop_reading_are_cut_off_and_others_hear_in_time() {
    let what = "stalled readers";
    let _turn = alone().await;
    let seed = seed();
    let mut chance = Chance::new(seed);
    let (helpers, stalled, owners) = (number("FAULTS_READERS", 40, 500), pick(4, 50), number("FAULTS_CALLS", 900, 900));
    println!("{what}, {stalled} among {helpers}, seed {seed}");
    let world = World::new(&Kind::Sqlite, helpers, 5, owners + EMERGENCIES_AT_STOP).await;
    let node = Node::start(&world.url()).await;
    let route = Route::to(&[node.address]);
    let scene = Scene::new(world, &route);
    let people = scene.world.helpers.iter().enumerate();
    // The last helpers are far away: they receive each emergency once.
    let clients: Vec<_> = people
        .map(|(n, person)| {
            let manners = Manners { small_window: n >= helpers - stalled, ..Manners::default() };
            Client::start(person, n, &route, chance.fork(), manners)
        })
        .collect();
    check(&scene, &clients, "before anything happens").await;

    let before = node.memory();
    let slow = &clients[helpers - stalled..];
    Client::stall(slow, true);
    let locals: Vec<_> = slow.iter().map(|client| client.sessions()[0].local).collect();
    let (happening, mut luck) = (scene.clone(), chance.fork());
    let burst = tokio::spawn(async move {
        // Texts of the maximum size, six bytes per character: together more than the socket buffers hold for a client that
        // does not read.
        let description = "\u{1}".repeat(1_000);
        for n in 0..owners {
            happening.raise(n, &description, &mut luck).await;
        }
    });
    let mut longest = Duration::ZERO;
    for local in locals {
        longest = longest.max(closed(node.address, local, Duration::from_mins(2)).await);
    }
    println!("{what}: the last was closed {} ms after its queue stood still", longest.as_millis());
    let grown = node.memory() - before;
    println!("{what}: the node held {} KB more than before, at the most", grown >> 10);
    assert!(
        grown < MAX_RING_BYTES + stalled as u64 * MAX_BYTES_PER_READER,
        "seed {seed}: the node grew by {grown} bytes"
    );
    burst.await.unwrap();
    assert!(longest < STALL_DEADLINE + slack(), "seed {seed}: a stalled reader was closed only after {longest:?}");

    // The clients read again, find the connection closed, and reconnect.
    Client::stall(slow, false);
    for client in slow {
        while client.sessions().len() < 2 {
            sleep(Duration::from_millis(5)).await;
        }
    }
    let figures = check(&scene, &clients, &format!("seed {seed}")).await;
    report(what, &figures);
    let latest = latency(&scene, &clients[..helpers - stalled]).await;
    println!("{what}: the others heard within {} ms of the decision, at the latest", latest.as_millis());
    assert!(latest < slack(), "seed {seed}: somebody else heard only after {latest:?}");

    // A node stops on SIGTERM although clients do not read what is queued for them.
    Client::stall(slow, true);
    for n in owners..owners + EMERGENCIES_AT_STOP {
        scene.raise(n, &"x".repeat(1_000), &mut chance).await;
    }
    let stopping = Instant::now();
    node.stop().await;
    println!("{what}: with them stalled again the node stopped within {} ms", stopping.elapsed().as_millis());
    drop(clients);
}

/// The longest time from the commit of an event to its arrival at one of these clients.
async fn latency(scene: &Scene, clients: &[Client]) -> Duration {
    let log = scene.world.log().await;
    let decided: HashMap<_, _> = log.iter().map(|event| (event.id.get(), event.at)).collect();
    let sessions = clients.iter().flat_map(Client::sessions);
    let late = sessions.flat_map(|session| session.heard).map(|heard| heard.at - decided[&heard.event]);
    late.max().unwrap_or_default().to_std().unwrap_or_default()
}
