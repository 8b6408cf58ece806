//! `/api/v1/emergencies`: raising, finding, reading and ending emergencies, and ratings and reports afterwards.

use std::sync::Arc;

use allynet_domain::{
    AccessKind, Actor, Emergency, Error, Relation, Stage,
    port::{self, HistoryPage, NearbyEmergency, Timeline},
    usecase::{
        details,
        emergencies::{self, must_be_helper},
        feedback, reading, reopening, responses,
    },
};
use allynet_wire::{
    data,
    input::emergencies as input,
    timeline,
    views::{EmergencyData, EmergencyView, HelpersView, RaisedView},
};
use axum::extract::State;

use crate::{
    answer::{Answer, created, ok},
    caller::Caller,
    input::{JsonBody, PathEmergency, Query},
    routes::{Resource, Routes},
};

/// The longest list of emergencies that wait for a helper's response.
const MAX_PENDING: u32 = 50;

/// The state of these routes.
#[derive(Clone)]
pub(crate) struct EmergencyState {
    pub(crate) emergencies: emergencies::EmergencyPorts,
    /// For raising and ending emergencies.
    pub(crate) high: emergencies::EmergencyPorts,
    pub(crate) log: Arc<dyn port::EventLog>,
    pub(crate) presence: Arc<dyn port::Presence>,
}

/// All routes but those of responses and messages, which have files of their own.
pub(crate) fn routes(cx: EmergencyState) -> Routes {
    Resource::new()
        .post("/api/v1/emergencies", raise)
        .get("/api/v1/emergencies/active", active)
        .get("/api/v1/emergencies/helper-active", helper_active)
        .get("/api/v1/emergencies/pending-for-helper", pending)
        .get("/api/v1/emergencies/nearby", nearby)
        .get("/api/v1/emergencies/history", history)
        .get("/api/v1/emergencies/{id}", read)
        .patch("/api/v1/emergencies/{id}", change)
        .delete("/api/v1/emergencies/{id}", delete)
        .get("/api/v1/emergencies/{id}/helpers", helpers)
        .get("/api/v1/emergencies/{id}/timeline", read_timeline)
        .post("/api/v1/emergencies/{id}/resolve", resolve)
        .post("/api/v1/emergencies/{id}/cancel", cancel)
        .post("/api/v1/emergencies/{id}/renew", renew)
        .post("/api/v1/emergencies/{id}/reopen", reopen)
        .post("/api/v1/emergencies/{id}/ratings", rate)
        .post("/api/v1/emergencies/{id}/report", report)
        .with_state(cx)
}

async fn raise(State(cx): State<EmergencyState>, Caller(actor): Caller, JsonBody(body): JsonBody) -> Answer {
    let (details, request_id, fixed_place) = input::raise(&body)?;
    let raised = emergencies::raise(&cx.high, &actor, details, request_id, fixed_place).await?;
    let emergency = view(&cx, &actor, &raised.emergency, Stage::Owner);
    let view = RaisedView { emergency, nearby_helper_count: raised.nearby_helpers };
    if raised.new { created(view) } else { ok(view) }
}

async fn active(State(cx): State<EmergencyState>, Caller(actor): Caller) -> Answer {
    let live = cx.emergencies.emergencies.live_of(actor.id()).await?.emergencies;
    let owned = live.iter().find(|emergency| emergency.owner() == actor.id());
    ok(owned.map(|emergency| EmergencyData { emergency: view(&cx, &actor, emergency, Stage::Owner) }))
}

async fn helper_active(State(cx): State<EmergencyState>, Caller(actor): Caller) -> Answer {
    let live = cx.emergencies.emergencies.live_of(actor.id()).await?.emergencies;
    let policy = cx.emergencies.rules.helpers;
    let takes_part = |e: &&Emergency| e.relation(&actor.account, policy) == Relation::RespondingHelper;
    let now = cx.emergencies.clock.now();
    let helped = live.iter().find(takes_part);
    ok(helped.map(|emergency| {
        let stage = emergency.stage(&actor.account, policy, false, now);
        EmergencyData { emergency: view(&cx, &actor, emergency, stage) }
    }))
}

async fn pending(State(cx): State<EmergencyState>, Caller(actor): Caller) -> Answer {
    if must_be_helper(&cx.emergencies, &actor).is_err() {
        return ok([(); 0]);
    }
    let reader = cx.emergencies.list_reader(&actor);
    let found = cx.emergencies.emergencies.pending_for(&reader, MAX_PENDING).await?;
    ok(with_distances(&cx, &actor, &found).await?)
}

async fn nearby(State(cx): State<EmergencyState>, Caller(actor): Caller, Query(query): Query) -> Answer {
    must_be_helper(&cx.emergencies, &actor)?;
    let (centre, radius, limit) = input::nearby(&query)?;
    let reader = cx.emergencies.list_reader(&actor);
    let found = cx.emergencies.emergencies.nearby(&reader, centre, radius, limit).await?;
    let emergencies = with_distances(&cx, &actor, &found).await?;
    ok(data::NearbyEmergencies { count: emergencies.len(), emergencies })
}

async fn with_distances<'a>(
    cx: &EmergencyState,
    actor: &Actor,
    found: &'a [NearbyEmergency],
) -> Result<Vec<EmergencyView<'a>>, Error> {
    let (rules, now) = (&cx.emergencies.rules, cx.emergencies.clock.now());
    let stage = |near: &NearbyEmergency| near.emergency.stage(&actor.account, rules.helpers, near.alerted, now);
    let shown: Vec<_> = found.iter().map(|near| (&near.emergency, stage(near))).collect();
    cx.emergencies.record_reading(actor, AccessKind::List, shown).await?;
    let view = |near: &'a NearbyEmergency| {
        let stage = stage(near);
        EmergencyView::new(&near.emergency, stage, &rules.places, Some(near.distance))
            .with_presence(&*cx.presence, &near.emergency.separated_from(&actor.account))
    };
    Ok(found.iter().map(view).collect())
}

async fn history(State(cx): State<EmergencyState>, Caller(actor): Caller, Query(query): Query) -> Answer {
    let (status, before, limit) = input::history(&query)?;
    let page = HistoryPage { user: actor.id(), status, before, limit };
    let found = cx.emergencies.emergencies.history(&page).await?;
    let (policy, now) = (cx.emergencies.rules.helpers, cx.emergencies.clock.now());
    let stage = |emergency: &Emergency| emergency.stage(&actor.account, policy, false, now);
    let shown: Vec<_> = found.iter().map(|emergency| (emergency, stage(emergency))).collect();
    cx.emergencies.record_reading(&actor, AccessKind::List, shown).await?;
    ok(data::Emergencies { emergencies: found.iter().map(|e| view(&cx, &actor, e, stage(e))).collect() })
}

async fn read(State(cx): State<EmergencyState>, Caller(actor): Caller, PathEmergency(id): PathEmergency) -> Answer {
    let (emergency, stage) = cx.emergencies.read(&actor, id).await?;
    one(&cx, &actor, &emergency, stage)
}

fn one(cx: &EmergencyState, actor: &Actor, emergency: &Emergency, stage: Stage) -> Answer {
    ok(EmergencyData { emergency: view(cx, actor, emergency, stage) })
}

/// An emergency after a change that an administrator may make.
async fn changed(cx: &EmergencyState, actor: &Actor, emergency: &Emergency, stage: Stage) -> Answer {
    cx.emergencies.record_reading(actor, AccessKind::Emergency, [(emergency, stage)]).await?;
    one(cx, actor, emergency, stage)
}

fn view<'a>(cx: &EmergencyState, actor: &Actor, emergency: &'a Emergency, stage: Stage) -> EmergencyView<'a> {
    EmergencyView::new(emergency, stage, &cx.emergencies.rules.places, None)
        .with_presence(&*cx.presence, &emergency.separated_from(&actor.account))
}

async fn change(
    State(cx): State<EmergencyState>,
    Caller(actor): Caller,
    PathEmergency(id): PathEmergency,
    JsonBody(body): JsonBody,
) -> Answer {
    let outcome = details::change(&cx.high, &actor, id, input::change(&body)?).await;
    let emergency = cx.emergencies.conceal(&actor, id, outcome).await?;
    one(&cx, &actor, &emergency, Stage::Owner)
}

async fn delete(State(cx): State<EmergencyState>, Caller(actor): Caller, PathEmergency(id): PathEmergency) -> Answer {
    let outcome = emergencies::delete(&cx.emergencies, &actor, id).await;
    cx.emergencies.conceal(&actor, id, outcome).await?;
    ok(data::EmergencyDeleted { emergency_id: id, deleted: true })
}

async fn helpers(State(cx): State<EmergencyState>, Caller(actor): Caller, PathEmergency(id): PathEmergency) -> Answer {
    let found = reading::helpers_of(&cx.emergencies, &*cx.presence, &actor, id).await?;
    ok(HelpersView::new(&found, &cx.emergencies.rules.places, &*cx.presence))
}

async fn read_timeline(
    State(cx): State<EmergencyState>,
    Caller(actor): Caller,
    PathEmergency(id): PathEmergency,
    Query(query): Query,
) -> Answer {
    let (after, limit) = input::timeline(&query)?;
    let read = reading::timeline(&cx.emergencies, &*cx.log, &actor, id, after, limit).await;
    let (Timeline { emergency, events }, stage) = cx.emergencies.conceal(&actor, id, read).await?;
    let places = &cx.emergencies.rules.places;
    ok(data::Timeline { events: timeline::timeline(&emergency, &events, actor.id(), stage, places) })
}

async fn resolve(
    State(cx): State<EmergencyState>,
    Caller(actor): Caller,
    PathEmergency(id): PathEmergency,
    JsonBody(body): JsonBody,
) -> Answer {
    let outcome = emergencies::resolve(&cx.high, &actor, id, input::resolve(&body)?).await;
    let (emergency, relation) = cx.emergencies.conceal(&actor, id, outcome).await?;
    changed(&cx, &actor, &emergency, Stage::of(relation, false)).await
}

async fn cancel(
    State(cx): State<EmergencyState>,
    Caller(actor): Caller,
    PathEmergency(id): PathEmergency,
    JsonBody(body): JsonBody,
) -> Answer {
    let outcome = emergencies::cancel(&cx.high, &actor, id, input::cancel(&body)?).await;
    let emergency = cx.emergencies.conceal(&actor, id, outcome).await?;
    one(&cx, &actor, &emergency, Stage::Owner)
}

async fn renew(State(cx): State<EmergencyState>, Caller(actor): Caller, PathEmergency(id): PathEmergency) -> Answer {
    let outcome = responses::renew(&cx.high, &actor, id).await;
    let emergency = cx.emergencies.conceal(&actor, id, outcome).await?;
    one(&cx, &actor, &emergency, Stage::Owner)
}

async fn reopen(State(cx): State<EmergencyState>, Caller(actor): Caller, PathEmergency(id): PathEmergency) -> Answer {
    let outcome = reopening::reopen(&cx.high, &actor, id).await;
    let (emergency, relation) = cx.emergencies.conceal(&actor, id, outcome).await?;
    changed(&cx, &actor, &emergency, Stage::of(relation, false)).await
}

async fn rate(
    State(cx): State<EmergencyState>,
    Caller(actor): Caller,
    PathEmergency(id): PathEmergency,
    JsonBody(body): JsonBody,
) -> Answer {
    let rating = input::rating(&body)?;
    let score = rating.score;
    let outcome = feedback::rate(&cx.emergencies, &actor, id, rating).await;
    let feedback::Rated { helper, counted } = cx.emergencies.conceal(&actor, id, outcome).await?;
    created(data::Rated { emergency_id: id, helper_id: helper, score, counted })
}

async fn report(
    State(cx): State<EmergencyState>,
    Caller(actor): Caller,
    PathEmergency(id): PathEmergency,
    JsonBody(body): JsonBody,
) -> Answer {
    let (accused, reason) = input::report(&body)?;
    let outcome = feedback::report(&cx.emergencies, &actor, id, accused, reason).await;
    cx.emergencies.conceal(&actor, id, outcome).await?;
    created(data::Reported { emergency_id: id, reported: true })
}
