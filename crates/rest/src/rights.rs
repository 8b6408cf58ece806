//! What users may ask about their own account, besides its profile: who has read their places.

use std::sync::Arc;

use allynet_domain::{MAX_ACCESS_ENTRIES, port};
use allynet_wire::{data, views::AccessEntryView};
use axum::extract::State;

use crate::{
    answer::{Answer, ok},
    caller::Caller,
    routes::{Resource, Routes},
};

/// The state of these routes.
#[derive(Clone)]
pub(crate) struct RightsState {
    pub(crate) access_log: Arc<dyn port::AccessLog>,
}

/// Authenticated routes about the caller's own account.
pub(crate) fn routes(cx: RightsState) -> Routes {
    Resource::new().get("/api/v1/auth/me/access-log", access_log).with_state(cx)
}

async fn access_log(State(cx): State<RightsState>, Caller(actor): Caller) -> Answer {
    let entries = cx.access_log.entries(actor.id(), MAX_ACCESS_ENTRIES).await?;
    ok(data::AccessLog { entries: entries.into_iter().map(AccessEntryView::from).collect() })
}
