//! `/api/v1/emergencies/:id/respond` and `…/helper-status`: what helpers say to an emergency.

use allynet_domain::usecase::{
    emergencies::Context,
    responses::{accept, decline, update},
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
};

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
    let emergency = match input::respond(&body)? {
        Said::Accept(estimated_arrival) => accept(&cx, &actor, id, estimated_arrival).await?,
        Said::Decline => decline(&cx, &actor, id).await?,
    };
    ok(One { emergency: EmergencyView::of(&emergency, &actor.account, cx.rules.helpers, None) })
}

async fn tell_status(
    State(cx): State<Context>,
    Caller(actor): Caller,
    OfEmergency(id): OfEmergency,
    JsonBody(body): JsonBody,
) -> Answer {
    let (emergency, relation) = update(&cx, &actor, id, input::helper_status(&body)?).await?;
    ok(One { emergency: EmergencyView::new(&emergency, relation, None) })
}
