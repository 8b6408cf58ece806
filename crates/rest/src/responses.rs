//! `/api/v1/emergencies/:id/respond` and `…/helper-status`: what helpers say to an emergency.

use std::sync::Arc;

use allynet_domain::{
    port,
    usecase::{
        emergencies,
        responses::{accept, decline, update},
    },
};
use allynet_wire::{
    input::emergencies::{self as input, Answer as Said},
    views::{EmergencyView, One},
};
use axum::extract::State;

use crate::{
    answer::{Answer, ok},
    caller::Caller,
    input::{JsonBody, OfEmergency},
    routes::{Resource, Routes},
    turns::Turns,
};

/// What these routes need.
#[derive(Clone)]
pub(crate) struct Context {
    pub(crate) emergencies: emergencies::EmergencyPorts,
    pub(crate) presence: Arc<dyn port::Presence>,
    pub(crate) turns: Turns,
}

/// What helpers may call.
pub(crate) fn routes(cx: Context) -> Routes {
    Resource::new()
        .post("/api/v1/emergencies/{id}/respond", respond)
        .put("/api/v1/emergencies/{id}/helper-status", tell_status)
        .over(cx)
}

async fn respond(
    State(cx): State<Context>,
    Caller(actor): Caller,
    OfEmergency(id): OfEmergency,
    JsonBody(body): JsonBody,
) -> Answer {
    let said = input::respond(&body)?;
    let _turn = cx.turns.take(id).await;
    let emergency = match said {
        Said::Accept(estimated_arrival) => accept(&cx.emergencies, &actor, id, estimated_arrival).await?,
        Said::Decline => decline(&cx.emergencies, &actor, id).await?,
    };
    let view = EmergencyView::of(&emergency, &actor.account, cx.emergencies.rules.helpers, None);
    ok(One { emergency: view.with_presence(&*cx.presence) })
}

async fn tell_status(
    State(cx): State<Context>,
    Caller(actor): Caller,
    OfEmergency(id): OfEmergency,
    JsonBody(body): JsonBody,
) -> Answer {
    let told = input::helper_status(&body)?;
    let _turn = cx.turns.take(id).await;
    let (emergency, relation) = update(&cx.emergencies, &actor, id, told).await?;
    ok(One { emergency: EmergencyView::new(&emergency, relation, None).with_presence(&*cx.presence) })
}
