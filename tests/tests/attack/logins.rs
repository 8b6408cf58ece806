//! Logins: each costs 19 MiB and a tenth of a second of a processor.

use std::{
    net::{Ipv4Addr, SocketAddr},
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering::Relaxed},
    },
    time::Duration,
};

use allynet_tests::service::{
    http::{Answer, Request},
    node::Node,
    world::{Kind, World},
};
use serde_json::json;
use tokio::{task::JoinSet, time::sleep};

use crate::{
    form::{HOSTILE, alone, is_long, pick},
    memory::is_given_back,
    on_both_databases,
};

on_both_databases! {
    a_flood_of_logins_delays_no_login_from_elsewhere_and_keeps_no_memory
    wrong_passwords_of_a_stranger_do_not_lock_the_owner_out
}

const PASSWORD: &str = "Correct-Horse-7";
/// The address of the victim.
const HOME: Ipv4Addr = Ipv4Addr::LOCALHOST;
/// Logins at a time before a flood: each core keeps the memory of one hash.
const WARM_UP: usize = 4;
/// The resident memory after a flood, in bytes. Judged by the long form only, which runs the release build.
const MAX_MEMORY: u64 = 60 << 20;
/// How many of the hostile logins may be answered with 200 or 401 while the victim waits: those that began before, and one
/// for each turn of a fair queue.
const MAX_OVERTAKING: usize = 12;

async fn register(node: SocketAddr, email: &str) {
    let body = json!({ "email": email, "password": PASSWORD, "firstName": "Ada", "lastName": "Lovelace" });
    let answer = Request::post("/api/v1/auth/register", body).send(node, "").await.unwrap();
    assert_eq!(answer.status, 201, "{:?}", answer.body);
}

async fn log_in(node: SocketAddr, from: Ipv4Addr, email: &str, password: &str) -> Answer {
    let body = json!({ "email": email, "password": password });
    Request::post("/api/v1/auth/login", body).from_address(from).send(node, "").await.unwrap()
}

async fn a_flood_of_logins_delays_no_login_from_elsewhere_and_keeps_no_memory(kind: &Kind) {
    let _alone = alone().await;
    let world = World::new(kind, 0, 0, 0).await;
    let node = Node::start_with(&world.url(), &[("ALLYNET_RATE_LIMITS", "off")]).await;
    register(node.address, "ada@example.org").await;
    let mut warm_up = JoinSet::new();
    for _ in 0..WARM_UP {
        let address = node.address;
        warm_up.spawn(async move { log_in(address, HOME, "ada@example.org", PASSWORD).await.status });
    }
    assert_eq!(warm_up.join_all().await, [200; WARM_UP]);
    let before = node.resident();

    let hashed = Arc::<AtomicUsize>::default();
    let mut flood = JoinSet::new();
    for n in 0..pick(200, 1_000) {
        let (address, hashed) = (node.address, Arc::clone(&hashed));
        flood.spawn(async move {
            let body = json!({ "email": format!("stranger{n}@example.org"), "password": "Wrong-Horse-7" });
            let login = Request::post("/api/v1/auth/login", body).from_address(HOSTILE);
            // A full queue answers 429; an answer that comes too late is lost.
            if login.send(address, "").await.is_ok_and(|answer| answer.status == 401) {
                hashed.fetch_add(1, Relaxed);
            }
        });
    }
    while hashed.load(Relaxed) == 0 {
        sleep(Duration::from_millis(5)).await;
    }
    let before_login = hashed.load(Relaxed);
    let answer = log_in(node.address, HOME, "ada@example.org", PASSWORD).await;
    let overtaking = hashed.load(Relaxed) - before_login;
    println!("a flood of logins: {overtaking} hostile logins were answered before the victim's");
    assert_eq!(answer.status, 200, "{:?}", answer.body);
    assert!(overtaking <= MAX_OVERTAKING, "{overtaking} hostile logins were answered first");
    while flood.join_next().await.is_some() {}
    is_given_back(&node, before, "a flood of logins").await;
    assert!(!is_long() || node.resident() < MAX_MEMORY, "{} bytes after a flood of logins", node.resident());
    node.stop().await;
    world.remove().await;
}

async fn wrong_passwords_of_a_stranger_do_not_lock_the_owner_out(kind: &Kind) {
    let _alone = alone().await;
    let world = World::new(kind, 0, 0, 0).await;
    let node = Node::start_with(&world.url(), &[("ALLYNET_RATE_LIMITS", "on")]).await;
    register(node.address, "ada@example.org").await;
    assert_eq!(log_in(node.address, HOME, "ada@example.org", PASSWORD).await.status, 200);
    let mut statuses = Vec::new();
    for _ in 0..25 {
        statuses.push(log_in(node.address, HOSTILE, "ada@example.org", "Wrong-Horse-7").await.status);
    }
    assert!(statuses.starts_with(&[401; 10]), "{statuses:?}");
    assert!(statuses.ends_with(&[429; 10]), "guessing is not limited: {statuses:?}");
    let answer = log_in(node.address, HOME, "ada@example.org", PASSWORD).await;
    assert_eq!(answer.status, 200, "the owner is locked out: {:?}", answer.body);
    node.stop().await;
    world.remove().await;
}
