//! Routes of administrators: verification of helpers, blocking of accounts, presence, and the list of all emergencies.

use std::sync::Arc;

use allynet_domain::{
    AccessKind, Stage,
    port::{self, AdminPage, DeletedPage, HelperPage, ListedEmergency},
    usecase::{emergencies, helpers},
};
use allynet_wire::{
    cursor, data,
    input::{
        accounts as input,
        emergencies::{AdminList, admin_page},
    },
    views::{EmergencyView, HelperList, ListedEmergencyView, User},
};
use axum::extract::State;

use crate::{
    answer::{Answer, ok},
    caller::Admin,
    input::{JsonBody, PathUser, Query},
    routes::{Resource, Routes},
};

/// The state of these routes.
#[derive(Clone)]
pub(crate) struct AdminState {
    pub(crate) helpers: helpers::HelperPorts,
    pub(crate) emergencies: emergencies::EmergencyPorts,
    pub(crate) presence: Arc<dyn port::Presence>,
}

/// Authenticated routes; the handlers refuse other roles.
pub(crate) fn routes(cx: AdminState) -> Routes {
    Resource::new()
        .get("/api/v1/helpers", list_helpers)
        .put("/api/v1/helpers/{userId}/verification", verify)
        .put("/api/v1/helpers/{userId}/block", block)
        .get("/api/v1/helpers/presence", presence)
        .get("/api/v1/admin/coverage", coverage)
        .get("/api/v1/admin/emergencies", list_emergencies)
        .with_state(cx)
}

async fn list_helpers(State(cx): State<AdminState>, _: Admin, Query(query): Query) -> Answer {
    let page = input::helper_page(&query)?;
    let one_more = HelperPage { limit: page.limit + 1, ..page.clone() };
    let mut found = cx.helpers.accounts.helpers(&one_more).await?;
    let next_cursor =
        truncate(&mut found, page.limit, |listed| cursor::write(listed.account.created_at, listed.account.id));
    ok(HelperList { helpers: found.iter().map(Into::into).collect(), next_cursor })
}

async fn verify(
    State(cx): State<AdminState>,
    Admin(actor): Admin,
    PathUser(user): PathUser,
    JsonBody(body): JsonBody,
) -> Answer {
    let decision = input::verification(&body)?;
    let account = helpers::verify(&cx.helpers, &cx.emergencies, &actor, user, &decision).await?;
    ok(User::from(&account))
}

async fn block(
    State(cx): State<AdminState>,
    Admin(actor): Admin,
    PathUser(user): PathUser,
    JsonBody(body): JsonBody,
) -> Answer {
    let (blocked, reason) = input::block(&body)?;
    let account = helpers::block(&cx.helpers, &cx.emergencies, &actor, user, blocked, reason).await?;
    ok(User::from(&account))
}

async fn presence(State(cx): State<AdminState>, _: Admin) -> Answer {
    let rules = &cx.helpers.rules;
    let fresh_since = rules.fresh_since(cx.helpers.clock.now());
    let counts = cx.emergencies.helpers.count(rules.helpers, fresh_since).await?;
    ok(data::Presence { on_duty: counts.on_duty, connected: cx.presence.helpers_online(), fresh: counts.fresh })
}

async fn coverage(State(cx): State<AdminState>, _: Admin) -> Answer {
    let rules = &cx.emergencies.rules;
    let on_duty = rules.on_duty(cx.emergencies.clock.now());
    let coverage = cx.emergencies.helpers.coverage(on_duty, rules.places.grid).await?;
    ok(data::Coverage::from(&coverage))
}

async fn list_emergencies(State(cx): State<AdminState>, Admin(actor): Admin, Query(query): Query) -> Answer {
    let page = match admin_page(&query)? {
        AdminList::Emergencies(page) => page,
        AdminList::Deleted(page) => return list_deleted(&cx, page).await,
    };
    let one_more = AdminPage { limit: page.limit + 1, ..page };
    let mut found = cx.emergencies.emergencies.list(&one_more).await?;
    let next_cursor = truncate(&mut found, page.limit, |listed| {
        cursor::write(listed.emergency.call().created_at, listed.emergency.id())
    });
    let shown: Vec<_> = found.iter().map(|listed| (&listed.emergency, Stage::Administrator)).collect();
    cx.emergencies.record_reading(&actor, AccessKind::List, shown).await?;
    let places = cx.emergencies.rules.places;
    let emergencies = found.iter().map(|ListedEmergency { emergency, repeats }| {
        let distance = page.near.map(|(place, _)| place.distance_to(emergency.call().details.location.position));
        let view = EmergencyView::new(emergency, Stage::Administrator, &places, distance);
        ListedEmergencyView { emergency: view.with_presence(&*cx.presence, &[]), repeats: *repeats }
    });
    ok(data::EmergencyList { emergencies: emergencies.collect(), next_cursor })
}

/// The records of deleted emergencies.
async fn list_deleted(cx: &AdminState, page: DeletedPage) -> Answer {
    let one_more = DeletedPage { limit: page.limit + 1, ..page };
    let mut found = cx.emergencies.emergencies.deleted(&one_more).await?;
    let next_cursor = truncate(&mut found, page.limit, |record| cursor::write(record.created_at, record.id));
    ok(data::DeletedEmergencyList { emergencies: found.iter().map(Into::into).collect(), next_cursor })
}

/// Removes the row that was read beyond the page, and returns the cursor of the next page if there was one.
fn truncate<T>(found: &mut Vec<T>, limit: u32, cursor: impl Fn(&T) -> String) -> Option<String> {
    let limit = usize::try_from(limit).unwrap_or(usize::MAX);
    if found.len() <= limit {
        return None;
    }
    found.truncate(limit);
    found.last().map(cursor)
}
