//! One account, or one address without an account, that asks for as much as it can.

use allynet_domain::Event;
use allynet_tests::service::{
    http::Request,
    now,
    world::{HERE, Kind},
};
use serde_json::json;

use crate::{
    assault::Assault,
    case::Case,
    form::{HOSTILE, alone, eventually, pick},
    on_both_databases,
    victim::raise,
};

on_both_databases! {
    parallel_searches_of_one_account_delay_no_other
    a_flood_of_updates_by_one_helper_delays_no_other_and_does_not_fill_the_log
    strangers_who_ask_for_readiness_and_metrics_delay_no_call
}

/// Repetitions of a status that make an event, in each minute.
const MAX_REPEATS: usize = 30;

async fn parallel_searches_of_one_account_delay_no_other(kind: &Kind) {
    let _alone = alone().await;
    let mut case = Case::begin(kind, &[]).await;
    let path = format!("/api/v1/emergencies/nearby?latitude={}&longitude={}&radius=50000", HERE.0, HERE.1);
    let (node, token) = (case.node.address, &case.hostile_helper().token);
    let assault = Assault::begin(600, HOSTILE, node, token, |_| Request::get(path.clone())).await;
    case.judge("600 parallel searches").await;
    drop(assault);
    case.end().await;
}

async fn a_flood_of_updates_by_one_helper_delays_no_other_and_does_not_fill_the_log(kind: &Kind) {
    let _alone = alone().await;
    let mut case = Case::begin(kind, &[]).await;
    let (node, hostile) = (case.node.address, case.hostile_helper().token.clone());
    // An emergency of its own, so that the hostile helper has something to update.
    let emergency = raise(node, HOSTILE, &case.hostile_owner().token).await;
    let respond = Request::post(format!("/api/v1/emergencies/{emergency}/respond"), json!({}));
    assert_eq!(respond.send(node, &hostile).await.unwrap().status, 200);

    let update = |n: usize| {
        let body = json!({ "status": "on_way", "notes": format!("{n}") });
        Request::put(format!("/api/v1/emergencies/{emergency}/helper-status"), body)
    };
    let begun = now();
    let assault = Assault::begin(pick(600, 3_000), HOSTILE, node, &hostile, update).await;
    case.judge("a flood of helper-status").await;
    eventually("updates are refused", async || assault.answered(429) > 0).await;
    let refused = assault.answered(429);
    drop(assault);
    let log = case.world.log().await;
    let of_emergency = log.iter().filter(|logged| logged.emergency == Some(emergency));
    let updates = of_emergency.filter(|logged| matches!(logged.event, Event::HelperStatusUpdated { .. })).count();
    let minutes = 1 + usize::try_from((now() - begun).num_minutes()).unwrap();
    println!("a flood of helper-status: {updates} events, {refused} refused");
    // One more is the step to this status.
    assert!(updates <= 1 + minutes * MAX_REPEATS, "{updates} events");
    case.end().await;
}

async fn strangers_who_ask_for_readiness_and_metrics_delay_no_call(kind: &Kind) {
    let _alone = alone().await;
    let mut case = Case::begin(kind, &[("ALLYNET_ADMIN_LISTEN", "127.0.0.1:0")]).await;
    let (node, operators) = (case.node.address, case.node.admin_address());
    let metrics = Request::get("/metrics").send(node, "").await.unwrap();
    assert_eq!(metrics.status, 404, "metrics tell strangers of emergencies");
    let either = |n: usize| Request::get(if n.is_multiple_of(5) { "/metrics" } else { "/readyz" });
    let strangers = Assault::begin(100, HOSTILE, node, "", either).await;
    // Another service on the host reaches the listener for operators, too.
    let neighbour = Assault::begin(20, HOSTILE, operators, "", |n| {
        Request::get(if n.is_multiple_of(2) { "/metrics" } else { "/readyz" })
    })
    .await;
    case.judge("strangers who ask for readiness and metrics").await;
    println!(
        "strangers who ask for readiness and metrics: {} answers, {} for operators",
        strangers.granted(),
        neighbour.granted()
    );
    drop((strangers, neighbour));
    case.end().await;
}
