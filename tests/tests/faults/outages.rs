//! A database that restarts or freezes under a running node.

use std::time::{Duration, Instant};

use allynet_tests::service::{
    node::{Node, Route},
    world::Kind,
};
use tokio::time::sleep;

use crate::{
    burst::Scene,
    checker::check,
    client::{Client, Manners},
    cluster::Cluster,
    crashes::{Size, everybody, report},
    form::{Chance, alone, pick, seed},
};

/// The maximum time of an answer while the database is unreachable: the deadline of a change, which may have to wait for its
/// turn behind others that wait for the database, and some time for the way: more in the short form, whose machine may do other
/// things.
fn max_answer_time() -> Duration {
    pick(Duration::from_secs(10), Duration::from_millis(5_500))
}

/// The maximum delay of the next event after the database is back.
fn max_event_delay() -> Duration {
    pick(Duration::from_secs(15), Duration::from_secs(5))
}

enum Outage {
    Restart(&'static str),
    Freeze(Duration),
}

/// Measurements of a run.
struct Answers {
    refused: usize,
    lost: usize,
    slowest: Duration,
}

/// The requests during an outage: each that was not granted must have been refused before its deadline.
fn answers(scene: &Scene, from: Instant, until: Instant) -> Answers {
    let attempts = scene.ledger.attempts().into_iter();
    let within: Vec<_> =
        attempts.filter(|attempt| attempt.begun <= until && attempt.begun + attempt.took >= from).collect();
    Answers {
        refused: within.iter().filter(|attempt| attempt.status == Some(503)).count(),
        lost: within.iter().filter(|attempt| attempt.status.is_none()).count(),
        slowest: within.iter().map(|attempt| attempt.took).max().unwrap_or_default(),
    }
}

/// Raises another emergency, and waits until a helper has received it.
async fn hears_of_another(scene: &Scene, n: usize, clients: &[Client], chance: &mut Chance) {
    let emergency = scene.raise(n, "", chance).await;
    let heard = || clients[0].sessions().iter().any(|s| s.heard.iter().any(|heard| heard.emergency == emergency));
    while !heard() {
        sleep(Duration::from_millis(5)).await;
    }
}

async fn outage(what: &str, outage: Outage) {
    let _turn = alone().await;
    let seed = seed();
    println!("{what}, seed {seed}");
    let mut chance = Chance::new(seed);
    let cluster = Cluster::start().await;
    let size = Size::of_form();
    let world = size.world(&Kind::Postgres(cluster.url.clone())).await;
    let node = Node::start(&world.url()).await;
    let route = Route::to(&[node.address]);
    let scene = Scene::new(world, &route);
    let clients = everybody(&scene, &Manners::default(), &mut chance).await;

    let (happening, luck) = (scene.clone(), chance.fork());
    let (all, per_second) = (0..size.emergencies - 1, size.per_second);
    let burst = tokio::spawn(async move { happening.burst(all, per_second, luck).await });
    sleep(chance.between(size.lasts() / 4, size.lasts() / 2)).await;
    let begun = Instant::now();
    match outage {
        Outage::Restart(mode) => cluster.restart(mode).await,
        Outage::Freeze(time) => cluster.freeze(time).await,
    }
    let ended = Instant::now();
    hears_of_another(&scene, size.emergencies - 1, &clients, &mut chance).await;
    let heard = ended.elapsed();
    burst.await.unwrap();
    let figures = check(&scene, &clients, &format!("seed {seed}")).await;

    let Answers { refused, lost, slowest } = answers(&scene, begun, ended);
    println!(
        "{what}: for {} ms; {refused} requests refused, the slowest answer took {} ms; the next event was heard after {} ms",
        (ended - begun).as_millis(),
        slowest.as_millis(),
        heard.as_millis()
    );
    report(what, &figures);
    assert_eq!(lost, 0, "seed {seed}: requests without an answer");
    assert!(slowest <= max_answer_time(), "seed {seed}: an answer took {slowest:?}");
    assert!(heard <= max_event_delay(), "seed {seed}: events came {heard:?} after the database");
    if let Outage::Freeze(_) = outage {
        assert!(refused > 0, "seed {seed}: nothing was refused");
    }
    drop(clients);
    node.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_database_is_restarted() {
    outage("PostgreSQL restarted", Outage::Restart("fast")).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_database_crashes_and_comes_back() {
    outage("PostgreSQL crashed", Outage::Restart("immediate")).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_database_is_frozen() {
    let time = Duration::from_secs(pick(4, 10));
    outage("PostgreSQL frozen", Outage::Freeze(time)).await;
}
