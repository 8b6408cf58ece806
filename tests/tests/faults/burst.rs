//! The load during a fault: owners raise emergencies, helpers respond, both write messages, owners end them.

use std::{sync::Arc, time::Duration};

use allynet_domain::EmergencyId;
use allynet_tests::service::{
    http::Request,
    node::Route,
    world::{HERE, Person, World},
};
use serde_json::json;
use tokio::{task::JoinSet, time::sleep};

use crate::{
    devices::Devices,
    form::Chance,
    ledger::{Ledger, Wish, raised},
};

/// The users, the addresses of the nodes, and the ledger of their requests.
#[derive(Clone)]
pub(crate) struct Scene {
    pub(crate) world: Arc<World>,
    pub(crate) route: Route,
    pub(crate) ledger: Ledger,
    /// The devices of helpers, in the cases about pushes.
    pub(crate) devices: Option<Arc<Devices>>,
}

impl Scene {
    pub(crate) fn new(world: World, route: &Route) -> Self {
        Self { world: Arc::new(world), route: route.clone(), ledger: Ledger::default(), devices: None }
    }

    /// Each of these owners raises an emergency, at this rate per second. Returns when every request was granted.
    pub(crate) async fn burst(&self, owners: std::ops::Range<usize>, per_second: u32, mut chance: Chance) {
        let mut stories = JoinSet::new();
        for n in owners {
            let (scene, chance) = (self.clone(), chance.fork());
            stories.spawn(async move { scene.story(n, chance).await });
            sleep(Duration::from_secs(1) / per_second).await;
        }
        while let Some(finished) = stories.join_next().await {
            finished.unwrap();
        }
    }

    /// The `n`th owner raises an emergency; the `n`th helper, if there is one, may respond.
    async fn story(&self, n: usize, mut chance: Chance) {
        let owner = &self.world.owners[n];
        let Some(emergency) = self.raise(n, "", &mut chance).await else { return };
        let helper = self.world.helpers.get(n).filter(|_| chance.below(2) == 0);
        if let Some(helper) = helper {
            self.help(emergency, owner, helper, &mut chance).await;
        }
        let ending = ["resolve", "cancel", ""][chance.below(3)];
        if !ending.is_empty() {
            self.end(n, emergency, ending, &mut chance).await;
        }
    }

    /// The `n`th owner ends their emergency by this route, and retries until there is an answer.
    pub(crate) async fn end(&self, n: usize, emergency: EmergencyId, ending: &str, chance: &mut Chance) {
        let owner = &self.world.owners[n];
        let request = Request::post(format!("/api/v1/emergencies/{emergency}/{ending}"), json!({}));
        self.ledger.insist(&Wish::End { emergency }, &request, owner, &self.route, chance).await;
    }

    /// The `n`th owner raises their emergency, and retries until there is an answer.
    pub(crate) async fn raise(&self, n: usize, description: &str, chance: &mut Chance) -> Option<EmergencyId> {
        let owner = &self.world.owners[n];
        let request = raising(description);
        let body = self.ledger.insist(&Wish::Raise { owner: owner.id }, &request, owner, &self.route, chance).await?;
        raised(&body)
    }

    async fn help(&self, emergency: EmergencyId, owner: &Person, helper: &Person, chance: &mut Chance) {
        let path = |what: &str| format!("/api/v1/emergencies/{emergency}/{what}");
        let respond = Request::post(path("respond"), json!({}));
        let wish = Wish::Respond { emergency, helper: helper.id };
        if self.ledger.insist(&wish, &respond, helper, &self.route, chance).await.is_none() {
            return;
        }
        for (who, word) in [(owner, "Where are you?"), (helper, "Around the corner")] {
            let text = format!("{word} {emergency}");
            let say = Request::post(path("messages"), json!({ "message": text }));
            // Sent once: a message has no request id, so a retry could post it twice.
            self.ledger.ask(&Wish::Say { text }, &say, who, &self.route, chance.below(1 << 16)).await;
        }
        for status in ["on_way", "arrived"] {
            let request = Request::put(path("helper-status"), json!({ "status": status }));
            let wish = Wish::Update { emergency, helper: helper.id, status: status.to_owned() };
            self.ledger.insist(&wish, &request, helper, &self.route, chance).await;
        }
    }
}

/// The request that raises the owner's emergency; its request id makes retries safe.
pub(crate) fn raising(description: &str) -> Request {
    let location = json!({ "latitude": HERE.0, "longitude": HERE.1 });
    let description = (!description.is_empty()).then_some(description);
    let body = json!({ "location": location, "description": description, "requestId": "pressed once" });
    Request::post("/api/v1/emergencies", body)
}
