//! `/api/v1/auth/emergency-contacts`: the caller's emergency contacts.

use allynet_domain::usecase::contacts::{self, ContactPorts};
use allynet_wire::{data, input::contacts as input};
use axum::extract::State;

use crate::{
    answer::{Answer, created, ok},
    caller::Caller,
    input::{JsonBody, PathContact},
    routes::{Resource, Routes},
};

/// Routes of the caller's own contacts.
pub(crate) fn routes(cx: ContactPorts) -> Routes {
    Resource::new()
        .get("/api/v1/auth/emergency-contacts", list)
        .post("/api/v1/auth/emergency-contacts", add)
        .put("/api/v1/auth/emergency-contacts/{contactId}", change)
        .delete("/api/v1/auth/emergency-contacts/{contactId}", remove)
        .with_state(cx)
}

async fn list(State(cx): State<ContactPorts>, Caller(actor): Caller) -> Answer {
    let contacts = cx.contacts.list(actor.id()).await?;
    ok(data::Contacts { contacts: contacts.iter().map(Into::into).collect() })
}

async fn add(State(cx): State<ContactPorts>, Caller(actor): Caller, JsonBody(body): JsonBody) -> Answer {
    let contact = contacts::add(&cx, &actor, input::add(&body)?).await?;
    created(data::Contact { contact: (&contact).into() })
}

async fn change(
    State(cx): State<ContactPorts>,
    Caller(actor): Caller,
    PathContact(id): PathContact,
    JsonBody(body): JsonBody,
) -> Answer {
    let current = contacts::find(&cx, &actor, id).await?;
    let details = input::change(&body, &current.details)?;
    let contact = contacts::change(&cx, &actor, &current, details).await?;
    ok(data::Contact { contact: (&contact).into() })
}

async fn remove(State(cx): State<ContactPorts>, Caller(actor): Caller, PathContact(id): PathContact) -> Answer {
    contacts::remove(&cx, &actor, id).await?;
    ok(data::ContactDeleted { contact_id: id, deleted: true })
}
