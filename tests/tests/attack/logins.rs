//! Logins: each costs 19 MiB and a tenth of a second of a processor.

use std::net::{Ipv4Addr, SocketAddr};

use allynet_tests::service::{
    http::{Answer, Request},
    world::Kind,
};
use serde_json::json;
use tokio::task::JoinSet;

use crate::{
    assault::Assault,
    case::Case,
    form::{HOSTILE, alone, beside_another, eventually, is_long, pick},
    memory::is_given_back,
    on_both_databases,
};

on_both_databases! {
    a_flood_of_logins_delays_no_login_from_elsewhere_and_keeps_no_memory
    wrong_passwords_of_a_stranger_do_not_lock_the_owner_out
}

const EMAIL: &str = "ada@example.org";
const PASSWORD: &str = "Correct-Horse-7";
const WRONG_PASSWORD: &str = "Wrong-Horse-7";
/// The address of the victim.
const HOME: Ipv4Addr = Ipv4Addr::LOCALHOST;
/// Logins at a time before a flood: each core keeps the memory of one hash.
const WARM_UP: usize = 4;
/// Hostile logins at a time: a few more than may wait.
const FLOOD: usize = 70;
/// The resident memory after a flood, in bytes. Judged by the long form only, which runs the release build.
const MAX_MEMORY: u64 = 60 << 20;
/// How many of the hostile logins may be answered with 401 while the victim waits: those that began before, and one
/// for each turn of a fair queue.
const MAX_OVERTAKING: usize = 12;
/// Failed logins to one account, from one address in a quarter of an hour and from all of them in an hour.
const MAX_GUESSES: usize = 10;
const MAX_GUESSES_FROM_ALL: usize = 100;

async fn register(node: SocketAddr) {
    let body = json!({ "email": EMAIL, "password": PASSWORD, "firstName": "Ada", "lastName": "Lovelace" });
    let answer = Request::post("/api/v1/auth/register", body).send(node, "").await.unwrap();
    assert_eq!(answer.status, 201, "{:?}", answer.body);
}

fn login(email: &str, password: &str) -> Request {
    Request::post("/api/v1/auth/login", json!({ "email": email, "password": password }))
}

/// Logs in from the address of the victim.
async fn log_in(node: SocketAddr) -> Answer {
    login(EMAIL, PASSWORD).from_address(HOME).send(node, "").await.unwrap()
}

async fn a_flood_of_logins_delays_no_login_from_elsewhere_and_keeps_no_memory(kind: &Kind) {
    let _alone = alone().await;
    let mut case = Case::begin(kind, &[("ALLYNET_RATE_LIMITS", "off")]).await;
    let node = case.node.address;
    register(node).await;
    let warm_up: JoinSet<_> = (0..WARM_UP).map(|_| async move { log_in(node).await.status }).collect();
    assert_eq!(warm_up.join_all().await, [200; WARM_UP]);
    case.measure_memory();

    let stranger = |n: usize| login(&format!("stranger{n}@example.org"), WRONG_PASSWORD);
    let flood = Assault::begin(FLOOD, HOSTILE, node, "", stranger).await;
    eventually("a hostile login is answered", async || flood.answered(401) > 0).await;
    let before_login = flood.answered(401);
    let answer = log_in(node).await;
    let overtaking = flood.answered(401) - before_login;
    println!("a flood of logins: {overtaking} hostile logins were answered before the victim's");
    assert_eq!(answer.status, 200, "{:?}", answer.body);
    assert!(overtaking <= MAX_OVERTAKING, "{overtaking} hostile logins were answered first");
    case.judge("a flood of logins").await;
    eventually("all hostile logins are answered", async || flood.answered(401) >= pick(30, 1_000)).await;
    drop(flood);
    is_given_back(&case.node, case.resident_before(), "a flood of logins").await;
    let resident = case.node.resident();
    assert!(!is_long() || resident < MAX_MEMORY, "{resident} bytes after a flood of logins");
    case.end().await;
}

async fn wrong_passwords_of_a_stranger_do_not_lock_the_owner_out(kind: &Kind) {
    let _turn = beside_another().await;
    let mut case = Case::begin(kind, &[]).await;
    let node = case.node.address;
    register(node).await;
    // From now on the account knows this address.
    assert_eq!(log_in(node).await.status, 200);
    let mut strangers = Vec::new();
    for n in 0..pick(1, 12) {
        let from = Ipv4Addr::new(127, 0, 2, n + 1);
        strangers.push(Assault::begin(1, from, node, "", |_| login(EMAIL, WRONG_PASSWORD)).await);
    }
    case.judge("wrong passwords").await;
    for stranger in &strangers {
        eventually("guessing is limited", async || stranger.answered(429) > 0).await;
        assert!(stranger.answered(401) <= MAX_GUESSES, "{} guesses from one address", stranger.answered(401));
    }
    let guesses: usize = strangers.iter().map(|stranger| stranger.answered(401)).sum();
    println!("wrong passwords: {guesses} guesses");
    // A guess of each address may be in progress when the last one counts.
    assert!((1..=MAX_GUESSES_FROM_ALL + strangers.len()).contains(&guesses), "{guesses} guesses");
    let answer = log_in(node).await;
    assert_eq!(answer.status, 200, "the owner is locked out: {:?}", answer.body);
    drop(strangers);
    case.end().await;
}
