//! Pushes to helpers without a connection, while nodes that send them are killed and the push service is down.

use std::{sync::Arc, time::Duration};

use allynet_domain::{EmergencyId, outbox::LEASE};
use allynet_tests::service::{
    node::{Node, Route},
    world::{Kind, World},
};
use tokio::{
    task::JoinSet,
    time::{Instant, sleep, sleep_until},
};

use crate::{
    burst::Scene,
    checker::{Figures, check},
    devices::{Devices, Provider},
    form::{Chance, alone, number, pick, seed},
};

/// The time after the lease of a killed node in which its pushes are sent again.
const RESEND_TIME: Duration = Duration::from_secs(1);

/// Half of the owners have raised an emergency before the faults, and end it while the other half raises one. In the midst of
/// that one of `count` nodes is killed, and a single one restarted; then the push service is down for a time.
async fn pushes(kind: &Kind, count: usize, seed: u64) -> Figures {
    let mut chance = Chance::new(seed);
    let (helpers, owners) = (number("FAULTS_DEVICES", 6, 10), number("FAULTS_ALERTS", 24, 80));
    let per_second = pick(12, 8);
    let world = World::new(kind, helpers, helpers, owners).await;
    let url = world.url();
    let provider = Provider::start().await;
    let mut nodes = Vec::new();
    for _ in 0..count {
        nodes.push(Node::start_with(&url, &provider.settings()).await);
    }
    let route = Route::to(&nodes.iter().map(|node| node.address).collect::<Vec<_>>());
    let devices = Arc::new(Devices::register(provider, &world, &route).await);
    let scene = Scene { devices: Some(Arc::clone(&devices)), ..Scene::new(world, &route) };
    let half = owners / 2;
    let before = raise(&scene, 0..half, &mut chance).await;
    check(&scene, &[], &format!("seed {seed}, before the faults")).await;

    // A node sends first what it has stored itself: the one that is killed must have something to send.
    route.set(&[nodes[0].address]);
    let (happening, luck) = (scene.clone(), chance.fork());
    let burst = tokio::spawn(async move { burst(&happening, before, per_second, luck).await });
    let lasts = Duration::from_secs(half as u64) / per_second;
    sleep(chance.between(lasts / 5, lasts * 3 / 5)).await;
    devices.kill(nodes.remove(0)).await;
    let lease_over = Instant::now() + LEASE.to_std().unwrap();
    let (failing, time) = (Arc::clone(&devices), Duration::from_secs(pick(3, 60)));
    let outage = tokio::spawn(async move { failing.outage(time).await });
    if nodes.is_empty() {
        nodes.push(Node::start_with(&url, &devices.settings()).await);
    }
    route.set(&nodes.iter().map(|node| node.address).collect::<Vec<_>>());
    burst.await.unwrap();
    outage.await.unwrap();
    // A push that is sent again though it was stored as sent would come now.
    sleep_until(lease_over + RESEND_TIME).await;
    let figures = check(&scene, &[], &format!("seed {seed}")).await;
    for node in nodes {
        node.stop().await;
    }
    scene.world.remove().await;
    figures
}

async fn raise(scene: &Scene, owners: std::ops::Range<usize>, chance: &mut Chance) -> Vec<EmergencyId> {
    let mut raised = Vec::new();
    for n in owners {
        raised.push(scene.raise(n, "", chance).await.unwrap());
    }
    raised
}

/// Ends these emergencies, which the first owners have raised, while as many other owners raise one.
async fn burst(scene: &Scene, before: Vec<EmergencyId>, per_second: u32, mut chance: Chance) {
    let (mut stories, others) = (JoinSet::new(), before.len());
    for (n, emergency) in before.into_iter().enumerate() {
        let (ending, mut first) = (scene.clone(), chance.fork());
        stories.spawn(async move { ending.end(n, emergency, "resolve", &mut first).await });
        let (raising, mut second) = (scene.clone(), chance.fork());
        stories.spawn(async move {
            raising.raise(others + n, "", &mut second).await.unwrap();
        });
        sleep(Duration::from_secs(1) / per_second).await;
    }
    while let Some(finished) = stories.join_next().await {
        finished.unwrap();
    }
}

async fn again_and_again(what: &str, kind: &Kind, count: usize) {
    let _turn = alone().await;
    let seed = seed();
    for round in 0..number("FAULTS_PUSH_ROUNDS", 1, 3) as u64 {
        println!("{what}, seed {}", seed + round);
        let figures = pushes(kind, count, seed + round).await.pushes;
        println!(
            "{what}: {} pushes, {} of them sent again, {} after the lease or later; the slowest took {} ms",
            figures.pushes,
            figures.repeated,
            figures.after_lease,
            figures.slowest.num_milliseconds()
        );
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_only_sender_is_killed_and_the_push_service_is_down_on_sqlite() {
    again_and_again("the only sender killed, push service down, SQLite", &Kind::Sqlite, 1).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_of_two_senders_is_killed_and_the_push_service_is_down() {
    again_and_again("one of two senders killed, push service down", &Kind::postgres(), 2).await;
}
