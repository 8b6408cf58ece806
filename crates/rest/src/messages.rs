//! `/api/v1/emergencies/:id/messages`: messages between participants.

use allynet_domain::{port::MessagePage, usecase::messages};
use allynet_wire::{
    data,
    input::emergencies as input,
    views::{MessageView, Reader},
};
use axum::extract::State;

use crate::{
    answer::{Answer, created, ok},
    caller::Caller,
    input::{JsonBody, PathEmergency, PathMessage, Query},
    routes::{Resource, Routes},
};

/// The state of these routes.
#[derive(Clone)]
pub(crate) struct MessageState {
    pub(crate) messages: messages::MessagePorts,
}

/// Routes of participants.
pub(crate) fn routes(cx: MessageState) -> Routes {
    Resource::new()
        .get("/api/v1/emergencies/{id}/messages", list)
        .post("/api/v1/emergencies/{id}/messages", post)
        .delete("/api/v1/emergencies/{id}/messages/{messageId}", delete)
        .with_state(cx)
}

async fn list(
    State(cx): State<MessageState>,
    Caller(actor): Caller,
    PathEmergency(emergency): PathEmergency,
    Query(query): Query,
) -> Answer {
    let (before, limit) = input::messages(&query)?;
    let page = MessagePage { emergency, reader: actor.id(), before, limit };
    let outcome = messages::list(&cx.messages, &actor, page).await;
    let found = cx.messages.emergencies.conceal(&actor, emergency, outcome).await?;
    let view = |message| MessageView::new(message, Reader::participant(actor.id()));
    ok(data::Messages { messages: found.iter().map(view).collect() })
}

async fn post(
    State(cx): State<MessageState>,
    Caller(actor): Caller,
    PathEmergency(emergency): PathEmergency,
    JsonBody(body): JsonBody,
) -> Answer {
    let outcome = messages::post(&cx.messages, &actor, emergency, input::message(&body)?).await;
    let posted = cx.messages.emergencies.conceal(&actor, emergency, outcome).await?;
    let view = data::Message { message: MessageView::new(&posted.message, Reader::participant(actor.id())) };
    if posted.new { created(view) } else { ok(view) }
}

async fn delete(
    State(cx): State<MessageState>,
    Caller(actor): Caller,
    PathEmergency(emergency): PathEmergency,
    PathMessage(message_id): PathMessage,
) -> Answer {
    let outcome = messages::delete(&cx.messages, &actor, emergency, message_id).await;
    cx.messages.emergencies.conceal(&actor, emergency, outcome).await?;
    ok(data::MessageDeleted { message_id, deleted: true })
}
