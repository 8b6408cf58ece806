//! What users may ask about their own account, besides its profile: who has read their places, and all that is stored of them.

use allynet_domain::{
    MAX_ACCESS_ENTRIES,
    usecase::{
        devices::{self, DevicePorts},
        emergencies::EmergencyPorts,
        exports::{self, ExportPorts},
    },
};
use allynet_wire::{
    data,
    views::{AccessEntryView, ExportView, ExportViewer},
};
use axum::extract::State;

use crate::{
    answer::{Answer, ok},
    caller::Caller,
    routes::{Resource, Routes},
};

/// The state of these routes.
#[derive(Clone)]
pub(crate) struct RightsState {
    pub(crate) exports: ExportPorts,
    pub(crate) devices: DevicePorts,
    pub(crate) emergencies: EmergencyPorts,
}

/// Authenticated routes about the caller's own account.
pub(crate) fn routes(cx: RightsState) -> Routes {
    Resource::new().get("/api/v1/auth/me/access-log", access_log).get("/api/v1/auth/me/export", export).with_state(cx)
}

async fn access_log(State(cx): State<RightsState>, Caller(actor): Caller) -> Answer {
    let entries = cx.exports.access_log.entries(actor.id(), MAX_ACCESS_ENTRIES).await?;
    ok(data::AccessLog { entries: entries.into_iter().map(AccessEntryView::from).collect() })
}

async fn export(State(cx): State<RightsState>, Caller(actor): Caller) -> Answer {
    let export = exports::export(&cx.exports, actor.id()).await?;
    let push_key = devices::push_key(&cx.devices).ok();
    let EmergencyPorts { rules, clock, .. } = &cx.emergencies;
    let viewer = ExportViewer { session: Some(actor.session), push_key: push_key.as_ref(), now: clock.now() };
    ok(ExportView::new(&actor.account, &export, (rules.helpers, &rules.places), viewer))
}
