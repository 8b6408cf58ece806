//! Connections that are lost: at random, and all at once.

use std::time::{Duration, Instant};

use allynet_tests::service::{
    node::{Node, Route},
    world::{Kind, World},
};
use tokio::time::sleep;

use crate::{
    burst::Scene,
    checker::check,
    client::{Client, Failed, Manners},
    crashes::{Size, everybody, report},
    form::{Chance, alone, number, pick, seed},
    proxy::{Proxy, Weather},
};

async fn random_drops(what: &str, kind: &Kind) {
    let _turn = alone().await;
    let seed = seed();
    println!("{what}, seed {seed}");
    let mut chance = Chance::new(seed);
    let size = Size::of_form();
    // Events are committed throughout the fault, so that a lost one would be noticed.
    let time = Duration::from_secs(pick(8, 60));
    let per_second = u32::try_from((size.emergencies as u64).div_ceil(time.as_secs())).unwrap();
    let world = size.world(kind).await;
    let node = Node::start(&world.url()).await;
    let weather = Weather::Drops(Duration::from_millis(1), Duration::from_secs(3));
    let proxy = Proxy::start(Route::to(&[node.address]), weather, chance.fork()).await;
    let route = Route::to(&[node.address]);
    let scene = Scene::new(world, &route);
    let clients = everybody(&scene, &Manners::default(), &mut chance).await;

    route.set(&[proxy.address]);
    Client::drop_all(&clients);
    scene.burst(0..size.emergencies, per_second, chance.fork()).await;
    // No more cuts, so that all clients can be connected at the same time.
    route.set(&[node.address]);
    println!("{what}: the proxy cut {} connections", proxy.cut());
    assert!(proxy.cut() > 0, "seed {seed}: the proxy cut nothing");
    let figures = check(&scene, &clients, &format!("seed {seed}")).await;
    report(what, &figures);
    drop(clients);
    node.stop().await;
    scene.world.remove().await;
}

async fn all_at_once(what: &str, kind: &Kind) {
    let _turn = alone().await;
    let seed = seed();
    let mut chance = Chance::new(seed);
    let sockets = number("FAULTS_SOCKETS", 300, 5_000);
    println!("{what}, {sockets} sockets, seed {seed}");
    let (owners, away) = (20, 10);
    let world = World::new(kind, sockets, 10, owners).await;
    let node = Node::start(&world.url()).await;
    let route = Route::to(&[node.address]);
    let scene = Scene::new(world, &route);
    let manners = Manners { jitter: Duration::from_secs(pick(1, 5)), ..Manners::default() };
    let people = scene.world.helpers.iter().enumerate();
    let start = |(n, person)| Client::start(person, n, &route, chance.fork(), manners.clone());
    let clients: Vec<_> = people.map(start).collect();
    check(&scene, &clients, "before anything happens").await;

    scene.burst(0..away, 20, chance.fork()).await;
    check(&scene, &clients, "before they are dropped").await;
    let failed_before: usize = clients.iter().map(|client| client.failed().len()).sum();
    let dropped = Instant::now();
    Client::drop_all(&clients);
    scene.burst(away..owners, 20, chance.fork()).await;
    while clients.iter().any(|client| client.sessions().len() < 2) {
        assert!(dropped.elapsed() < Duration::from_secs(30), "seed {seed}: not all are back");
        sleep(Duration::from_millis(5)).await;
    }
    println!("{what}: all {sockets} back after {} ms", dropped.elapsed().as_millis());
    let figures = check(&scene, &clients, &format!("seed {seed}")).await;
    report(what, &figures);
    let failed: Vec<Failed> = clients.iter().flat_map(Client::failed).skip(failed_before).collect();
    assert!(failed.is_empty(), "seed {seed}: attempts to connect failed: {failed:?}");
    assert!(scene.ledger.attempts().iter().all(|attempt| attempt.status.is_some_and(|status| status < 500)));
    drop(clients);
    node.stop().await;
    scene.world.remove().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn connections_are_dropped_at_random() {
    random_drops("connections dropped at random", &Kind::postgres()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn all_connections_are_dropped_at_once_on_sqlite() {
    all_at_once("all dropped at once, SQLite", &Kind::Sqlite).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn all_connections_are_dropped_at_once_on_postgres() {
    all_at_once("all dropped at once, PostgreSQL", &Kind::postgres()).await;
}
