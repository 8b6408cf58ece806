//! `/api/v1/resources`: boxes with a defibrillator and other things that help.

use allynet_domain::usecase::{emergencies::EmergencyPorts, resources};
use allynet_wire::{data, input::resources as input};
use axum::extract::State;

use crate::{
    answer::{Answer, created, ok},
    caller::{Admin, Caller},
    input::{JsonBody, PathResource, Query},
    routes::{Resource, Routes},
};

/// Routes of resources.
pub(crate) fn routes(cx: EmergencyPorts) -> Routes {
    Resource::new()
        .get("/api/v1/resources", near)
        .post("/api/v1/resources", add)
        .put("/api/v1/resources/{resourceId}", change)
        .delete("/api/v1/resources/{resourceId}", remove)
        .post("/api/v1/resources/{resourceId}/reports", report)
        .with_state(cx)
}

async fn near(State(cx): State<EmergencyPorts>, _: Caller, Query(query): Query) -> Answer {
    let found = resources::near(&cx, &input::search(&query)?).await?;
    ok(data::Resources { resources: found.iter().map(Into::into).collect(), count: found.len() })
}

async fn add(State(cx): State<EmergencyPorts>, Admin(actor): Admin, JsonBody(body): JsonBody) -> Answer {
    let resource = resources::add(&cx, &actor, input::add(&body)?).await?;
    created(data::Resource { resource: (&resource).into() })
}

async fn change(
    State(cx): State<EmergencyPorts>,
    Admin(actor): Admin,
    PathResource(id): PathResource,
    JsonBody(body): JsonBody,
) -> Answer {
    let current = resources::find(&cx, &actor, id).await?;
    let details = input::change(&body, &current.details)?;
    let resource = resources::change(&cx, &actor, current, details).await?;
    ok(data::Resource { resource: (&resource).into() })
}

async fn remove(State(cx): State<EmergencyPorts>, Admin(actor): Admin, PathResource(id): PathResource) -> Answer {
    resources::remove(&cx, &actor, id).await?;
    ok(data::ResourceDeleted { resource_id: id, deleted: true })
}

async fn report(
    State(cx): State<EmergencyPorts>,
    Caller(actor): Caller,
    PathResource(id): PathResource,
    JsonBody(body): JsonBody,
) -> Answer {
    let (state, note) = input::report(&body)?;
    let resource = resources::report(&cx, &actor, id, state, note).await?;
    created(data::Resource { resource: (&resource).into() })
}
