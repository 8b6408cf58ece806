//! Alarms that wake people for nothing, and accounts that stand between a caller and a helper.

use std::time::{Duration, Instant};

use allynet_domain::{Event, UserId};
use allynet_tests::service::{
    http::Request,
    node::Node,
    world::{HERE, Kind, World},
};
use serde_json::json;
use tokio::time::sleep;

use crate::{
    form::{alone, pick},
    on_both_databases,
};

on_both_databases! {
    raising_and_cancelling_rings_a_helper_only_a_few_times
    new_accounts_do_not_stand_between_a_caller_and_a_helper
}

/// Of one owner's emergencies, how many ring the same helper in ten minutes.
const MAX_RINGS: usize = 5;
/// The time for three waves on a busy machine.
const MAX_WAIT: Duration = Duration::from_mins(1);

/// How many alerts of any emergency this helper was sent.
async fn rings(world: &World, helper: UserId) -> usize {
    let log = world.log().await;
    let alerts = log.iter().filter_map(|logged| match &logged.event {
        Event::HelpersAlerted { recipients, .. } => Some(recipients),
        _ => None,
    });
    alerts.flatten().filter(|recipient| recipient.helper == helper).count()
}

async fn raising_and_cancelling_rings_a_helper_only_a_few_times(kind: &Kind) {
    let _alone = alone().await;
    let world = World::new(kind, 2, 2, 1).await;
    let node = Node::start_with(&world.url(), &[("ALLYNET_RATE_LIMITS", "on"), ("ALLYNET_STORM_RINGS", "5")]).await;
    let owner = &world.owners[0].token;
    let place = json!({ "latitude": HERE.0, "longitude": HERE.1 });
    for _ in 0..pick(40, 400) {
        let raise = Request::post("/api/v1/emergencies", json!({ "location": place }));
        let raised = raise.send(node.address, owner).await.unwrap();
        assert_eq!(raised.status, 201, "an SOS was refused: {:?}", raised.body);
        let emergency = raised.body["data"]["emergency"]["id"].as_str().unwrap().to_owned();
        let cancel = Request::post(format!("/api/v1/emergencies/{emergency}/cancel"), json!({}));
        assert_eq!(cancel.send(node.address, owner).await.unwrap().status, 200);
    }
    let rung = rings(&world, world.helpers[0].id).await;
    println!("raise and cancel: a helper was rung {rung} times");
    assert!((1..=MAX_RINGS).contains(&rung), "{rung} alarms on one phone");
    node.stop().await;
    world.remove().await;
}

async fn new_accounts_do_not_stand_between_a_caller_and_a_helper(kind: &Kind) {
    let _alone = alone().await;
    let mut world = World::new(kind, 1, 1, 1).await;
    // At the place of the emergency itself: nearer than the helper can be.
    world.add_newcomers(150).await;
    let settings = [("ALLYNET_RATE_LIMITS", "on"), ("ALLYNET_ALERT_INTERVAL", "5s")];
    let node = Node::start_with(&world.url(), &settings).await;
    let place = json!({ "latitude": HERE.0, "longitude": HERE.1 });
    let raise = Request::post("/api/v1/emergencies", json!({ "location": place }));
    assert_eq!(raise.send(node.address, &world.owners[0].token).await.unwrap().status, 201);
    let begun = Instant::now();
    while rings(&world, world.helpers[0].id).await == 0 {
        assert!(begun.elapsed() < MAX_WAIT, "the helper is not alerted");
        sleep(Duration::from_millis(200)).await;
    }
    let log = world.log().await;
    let wave = log.iter().find_map(|logged| match &logged.event {
        Event::HelpersAlerted { recipients, wave, .. } => {
            recipients.iter().any(|recipient| recipient.helper == world.helpers[0].id).then_some(*wave)
        }
        _ => None,
    });
    println!("new accounts: the helper is alerted by wave {wave:?}");
    assert!(wave.is_some_and(|wave| wave <= 3), "{wave:?}");
    node.stop().await;
    world.remove().await;
}
