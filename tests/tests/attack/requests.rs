//! One account that asks for as much as it can.

use allynet_tests::service::{
    http::Request,
    node::Node,
    world::{HERE, Kind, World},
};
use serde_json::json;

use crate::{
    assault::Assault,
    form::{HOSTILE, alone, pick},
    on_both_databases,
    victim::Victim,
};

on_both_databases! {
    parallel_searches_of_one_account_delay_no_other
    a_flood_of_updates_by_one_helper_delays_no_other
    strangers_who_ask_for_readiness_delay_no_call
}

/// The rounds of the victim before and during an attack.
fn rounds() -> usize {
    pick(6, 60)
}

async fn world_of(kind: &Kind) -> World {
    World::new(kind, 4, 4, 2 * rounds() + 1).await
}

async fn parallel_searches_of_one_account_delay_no_other(kind: &Kind) {
    let _alone = alone().await;
    let world = world_of(kind).await;
    let node = Node::start_with(&world.url(), &[("ALLYNET_RATE_LIMITS", "on")]).await;
    let mut victim = Victim::new(&world, node.address);
    let quiet = victim.rounds(rounds()).await;
    let path = format!("/api/v1/emergencies/nearby?latitude={}&longitude={}&radius=50000", HERE.0, HERE.1);
    let token = &world.helpers[1].token;
    let assault = Assault::begin(600, HOSTILE, node.address, token, |_| Request::get(path.clone())).await;
    victim.rounds(rounds()).await.did_not_suffer(&quiet, "600 parallel searches");
    assert!(assault.answered() > 0);
    drop(assault);
    node.stop().await;
    world.remove().await;
}

async fn a_flood_of_updates_by_one_helper_delays_no_other(kind: &Kind) {
    let _alone = alone().await;
    let world = world_of(kind).await;
    let node = Node::start_with(&world.url(), &[("ALLYNET_RATE_LIMITS", "on")]).await;
    let hostile = &world.helpers[1].token;
    // An emergency of its own, so that the hostile helper has something to update.
    let place = json!({ "latitude": HERE.0, "longitude": HERE.1 });
    let raise = Request::post("/api/v1/emergencies", json!({ "location": place }));
    let raised = raise.send(node.address, &world.owners[2 * rounds()].token).await.unwrap();
    let emergency = raised.body["data"]["emergency"]["id"].as_str().unwrap().to_owned();
    let respond = Request::post(format!("/api/v1/emergencies/{emergency}/respond"), json!({}));
    assert_eq!(respond.send(node.address, hostile).await.unwrap().status, 200);

    let mut victim = Victim::new(&world, node.address);
    let quiet = victim.rounds(rounds()).await;
    let update = |n: usize| {
        let body = json!({ "status": "on_way", "notes": format!("{n}") });
        Request::put(format!("/api/v1/emergencies/{emergency}/helper-status"), body)
    };
    let assault = Assault::begin(pick(600, 3_000), HOSTILE, node.address, hostile, update).await;
    victim.rounds(rounds()).await.did_not_suffer(&quiet, "a flood of helper-status");
    drop(assault);
    node.stop().await;
    world.remove().await;
}

async fn strangers_who_ask_for_readiness_delay_no_call(kind: &Kind) {
    let _alone = alone().await;
    let world = world_of(kind).await;
    let node = Node::start_with(&world.url(), &[("ALLYNET_RATE_LIMITS", "on")]).await;
    let metrics = Request::get("/metrics").send(node.address, "").await.unwrap();
    assert_eq!(metrics.status, 404, "metrics tell strangers of emergencies");
    let mut victim = Victim::new(&world, node.address);
    let quiet = victim.rounds(rounds()).await;
    let assault = Assault::begin(100, HOSTILE, node.address, "", |_| Request::get("/readyz")).await;
    victim.rounds(rounds()).await.did_not_suffer(&quiet, "strangers who ask for readiness");
    drop(assault);
    node.stop().await;
    world.remove().await;
}
