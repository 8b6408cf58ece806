//! Nodes that are killed in the middle of a burst.

use std::time::Duration;

use allynet_tests::service::{
    node::{Node, Route},
    world::{Kind, World},
};
use tokio::time::sleep;

use crate::{
    burst::Scene,
    checker::{Figures, check},
    client::{Client, Manners},
    form::{Chance, alone, number, pick, seed},
};

/// The size of the load during a fault.
pub(crate) struct Size {
    pub(crate) helpers: usize,
    pub(crate) near: usize,
    pub(crate) emergencies: usize,
    pub(crate) per_second: u32,
}

impl Size {
    /// 20 helpers and 30 emergencies; in the long form 200 and 300, at 30 per second.
    pub(crate) fn of_form() -> Self {
        let helpers = number("FAULTS_HELPERS", 20, 200);
        let near = (helpers / 3).min(30);
        Self { helpers, near, emergencies: number("FAULTS_EMERGENCIES", 30, 300), per_second: pick(15, 30) }
    }

    /// The minimum duration of the burst.
    pub(crate) fn lasts(&self) -> Duration {
        Duration::from_secs(self.emergencies as u64) / self.per_second
    }

    pub(crate) async fn world(&self, kind: &Kind) -> World {
        World::new(kind, self.helpers, self.near, self.emergencies).await
    }
}

/// All helpers and every third owner, connected.
pub(crate) async fn everybody(scene: &Scene, manners: &Manners, chance: &mut Chance) -> Vec<Client> {
    let world = &scene.world;
    let people = world.helpers.iter().chain(world.owners.iter().step_by(3));
    let start = |(n, person)| Client::start(person, n, &scene.route, chance.fork(), manners.clone());
    let clients: Vec<_> = people.enumerate().map(start).collect();
    check(scene, &clients, "before anything happens").await;
    clients
}

pub(crate) fn report(what: &str, figures: &Figures) {
    let Figures { events, deliveries, sessions, back, caught_up, .. } = figures;
    println!(
        "{what}: {events} events, {deliveries} deliveries, {sessions} connections; all back after {} ms, with \
         everything {} ms later",
        back.as_millis(),
        caught_up.as_millis()
    );
}

/// Kills one of `count` nodes. A single node is restarted; otherwise clients connect to another one.
async fn kill(kind: &Kind, count: usize, seed: u64) -> Figures {
    let mut chance = Chance::new(seed);
    let size = Size::of_form();
    let world = size.world(kind).await;
    let url = world.url();
    let mut nodes = Vec::new();
    for _ in 0..count {
        nodes.push(Node::start(&url).await);
    }
    let route = Route::to(&nodes.iter().map(|node| node.address).collect::<Vec<_>>());
    let scene = Scene::new(world, &route);
    let clients = everybody(&scene, &Manners::default(), &mut chance).await;

    let (happening, luck) = (scene.clone(), chance.fork());
    let all = 0..size.emergencies;
    let burst = tokio::spawn(async move { happening.burst(all, size.per_second, luck).await });
    sleep(chance.between(size.lasts() / 5, size.lasts() * 4 / 5)).await;
    nodes.remove(0).kill();
    if nodes.is_empty() {
        sleep(chance.between(Duration::ZERO, Duration::from_millis(500))).await;
        nodes.push(Node::start(&url).await);
    }
    route.set(&nodes.iter().map(|node| node.address).collect::<Vec<_>>());
    burst.await.unwrap();
    let figures = check(&scene, &clients, &format!("seed {seed}")).await;
    drop(clients);
    for node in nodes {
        node.stop().await;
    }
    scene.world.remove().await;
    figures
}

async fn kill_again_and_again(what: &str, kind: &Kind, count: usize) {
    let _turn = alone().await;
    let seed = seed();
    for round in 0..number("FAULTS_ROUNDS", 2, 20) as u64 {
        println!("{what}, seed {}", seed + round);
        report(what, &kill(kind, count, seed + round).await);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_only_node_is_killed_on_sqlite() {
    kill_again_and_again("the only node killed, SQLite", &Kind::Sqlite, 1).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_only_node_is_killed_on_postgres() {
    kill_again_and_again("the only node killed, PostgreSQL", &Kind::postgres(), 1).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_of_two_nodes_is_killed() {
    kill_again_and_again("one of two nodes killed", &Kind::postgres(), 2).await;
}
