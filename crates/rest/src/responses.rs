//! `/api/v1/emergencies/:id/respond` and `…/helper-status`: the responses of helpers.

use std::sync::Arc;

use allynet_domain::{
    Actor, Emergency, port,
    usecase::{
        emergencies,
        responses::{accept, decline, update},
    },
};
use allynet_wire::{
    input::emergencies::{self as input, Answer as Response},
    views::{EmergencyData, EmergencyView},
};
use axum::extract::State;

use crate::{
    answer::{Answer, ok},
    caller::Caller,
    input::{JsonBody, PathEmergency},
    routes::{Resource, Routes},
};

/// The state of these routes.
#[derive(Clone)]
pub(crate) struct ResponseState {
    pub(crate) emergencies: emergencies::EmergencyPorts,
    pub(crate) presence: Arc<dyn port::Presence>,
}

/// Routes of helpers.
pub(crate) fn routes(cx: ResponseState) -> Routes {
    Resource::new()
        .post("/api/v1/emergencies/{id}/respond", respond)
        .put("/api/v1/emergencies/{id}/helper-status", update_status)
        .with_state(cx)
}

async fn respond(
    State(cx): State<ResponseState>,
    Caller(actor): Caller,
    PathEmergency(id): PathEmergency,
    JsonBody(body): JsonBody,
) -> Answer {
    let response = input::respond(&body)?;
    let emergency = match response {
        Response::Accept(estimated_arrival) => accept(&cx.emergencies, &actor, id, estimated_arrival).await?,
        Response::Decline => decline(&cx.emergencies, &actor, id).await?,
    };
    ok(EmergencyData { emergency: view(&cx, &actor, &emergency) })
}

async fn update_status(
    State(cx): State<ResponseState>,
    Caller(actor): Caller,
    PathEmergency(id): PathEmergency,
    JsonBody(body): JsonBody,
) -> Answer {
    let status = input::helper_status(&body)?;
    let (emergency, _) = update(&cx.emergencies, &actor, id, status).await?;
    ok(EmergencyData { emergency: view(&cx, &actor, &emergency) })
}

/// The emergency as the helper sees it after the answer, who takes part, or is a looker-on again.
fn view<'a>(cx: &ResponseState, actor: &Actor, emergency: &'a Emergency) -> EmergencyView<'a> {
    let (policy, now) = (cx.emergencies.rules.helpers, cx.emergencies.clock.now());
    let stage = emergency.stage(&actor.account, policy, false, now);
    EmergencyView::new(emergency, stage, &cx.emergencies.rules.places, None)
        .with_presence(&*cx.presence, &emergency.separated_from(&actor.account))
}
