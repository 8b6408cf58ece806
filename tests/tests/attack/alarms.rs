//! Alarms that wake people for nothing, and accounts that stand between a caller and a helper.

use std::{collections::HashSet, net::SocketAddr};

use allynet_domain::{EmergencyId, Event, UserId};
use allynet_tests::service::{
    http::Request,
    now,
    world::{Kind, World},
};
use serde_json::json;

use crate::{
    assault::Assault,
    case::Case,
    form::{HOSTILE, beside_another, eventually, pick},
    on_both_databases,
    victim::raise,
};

on_both_databases! {
    raising_and_cancelling_rings_a_helper_only_a_few_times
    accepting_and_cancelling_rings_a_helper_only_a_few_times
    new_accounts_do_not_stand_between_a_caller_and_a_helper
}

/// Of one owner's emergencies, how many ring the same helper in ten minutes; and how often one emergency rings a helper, if it is
/// as young as a case.
const MAX_RINGS: usize = 5;
/// How often a helper may accept an emergency, if each acceptance is cancelled: cancelling twice is free, then there is one in a
/// minute.
const QUICK_ACCEPTANCES: usize = 3;
/// The wave that alerts a helper near by, whoever else is there.
const FIRST_WAVE: u16 = 1;

/// The waves in which this helper was alerted to one of these emergencies, or rung again.
async fn rings(world: &World, helper: UserId, emergencies: &HashSet<EmergencyId>) -> Vec<u16> {
    let log = world.log().await;
    let alerts = log.iter().filter(|logged| logged.emergency.is_some_and(|id| emergencies.contains(&id)));
    let waves = alerts.filter_map(|logged| match &logged.event {
        Event::HelpersAlerted { recipients, wave, .. } => {
            recipients.iter().any(|recipient| recipient.helper == helper).then_some(*wave)
        }
        _ => None,
    });
    waves.collect()
}

/// Raises this many emergencies, each after the last was cancelled.
async fn raise_and_cancel(node: SocketAddr, token: String, count: usize) -> HashSet<EmergencyId> {
    let mut emergencies = HashSet::new();
    for _ in 0..count {
        let emergency = raise(node, HOSTILE, &token).await;
        let cancel = Request::post(format!("/api/v1/emergencies/{emergency}/cancel"), json!({}));
        assert_eq!(cancel.from_address(HOSTILE).send(node, &token).await.unwrap().status, 200);
        emergencies.insert(emergency);
    }
    emergencies
}

async fn raising_and_cancelling_rings_a_helper_only_a_few_times(kind: &Kind) {
    let _turn = beside_another().await;
    let mut case = Case::begin(kind, &[("ALLYNET_STORM_RINGS", "5")]).await;
    let token = case.hostile_owner().token.clone();
    let storm = tokio::spawn(raise_and_cancel(case.node.address, token, pick(40, 400)));
    case.judge("raise and cancel").await;
    let raised = storm.await.unwrap();
    let rung = rings(&case.world, case.bystander().id, &raised).await.len();
    println!("raise and cancel: a helper was rung {rung} times for {} emergencies", raised.len());
    assert!((1..=MAX_RINGS).contains(&rung), "{rung} alarms on one phone");
    case.end().await;
}

async fn accepting_and_cancelling_rings_a_helper_only_a_few_times(kind: &Kind) {
    let _turn = beside_another().await;
    let mut case = Case::begin(kind, &[("ALLYNET_STORM_RINGS", "5")]).await;
    let emergency = raise(case.node.address, HOSTILE, &case.hostile_owner().token).await;
    let only = HashSet::from([emergency]);
    eventually("a helper is alerted", async || !rings(&case.world, case.bystander().id, &only).await.is_empty()).await;

    let accept = Request::post(format!("/api/v1/emergencies/{emergency}/respond"), json!({}));
    let status = json!({ "status": "cancelled" });
    let cancel = Request::put(format!("/api/v1/emergencies/{emergency}/helper-status"), status);
    let either = |n: usize| if n.is_multiple_of(2) { accept.clone() } else { cancel.clone() };
    let begun = now();
    let token = &case.hostile_helper().token;
    let assault = Assault::begin(8, HOSTILE, case.node.address, token, either).await;
    case.judge("accept and cancel").await;
    eventually("accepting again is refused", async || assault.answered(429) > 0).await;
    let refused = assault.answered(429);
    drop(assault);
    let rung = rings(&case.world, case.bystander().id, &only).await.len();
    let log = case.world.log().await;
    let accepted = log
        .iter()
        .filter(|logged| logged.emergency == Some(emergency) && matches!(logged.event, Event::HelperJoined { .. }));
    let accepted = accepted.count();
    let max_accepted = QUICK_ACCEPTANCES + usize::try_from((now() - begun).num_minutes()).unwrap();
    println!("accept and cancel: a helper was rung {rung} times by {accepted} acceptances, {refused} were refused");
    assert!((1..=max_accepted).contains(&accepted), "{accepted} acceptances");
    assert!(rung <= MAX_RINGS, "{rung} alarms on one phone");
    case.end().await;
}

async fn new_accounts_do_not_stand_between_a_caller_and_a_helper(kind: &Kind) {
    let _turn = beside_another().await;
    let mut case = Case::begin(kind, &[("ALLYNET_ALERT_INTERVAL", "5s")]).await;
    // At the place of the emergencies itself: nearer than the helpers can be.
    case.world.add_newcomers(150).await;
    case.judge("new accounts").await;
    let emergency = HashSet::from([raise(case.node.address, HOSTILE, &case.hostile_owner().token).await]);
    let alerted = async || rings(&case.world, case.bystander().id, &emergency).await;
    eventually("the helper is alerted", async || !alerted().await.is_empty()).await;
    let wave = alerted().await[0];
    println!("new accounts: the helper is alerted by wave {wave}");
    assert_eq!(wave, FIRST_WAVE, "new accounts come first");
    case.end().await;
}
