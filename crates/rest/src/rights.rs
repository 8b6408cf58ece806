//! What users may ask about their own account, besides its profile: who has read their places, and all that is stored of them.

use std::sync::Arc;

use allynet_domain::{
    Actor, Emergency, Error, MAX_ACCESS_ENTRIES, MAX_LISTED_SESSIONS, Stage, Timestamp,
    port::{self, HistoryPage},
    usecase::{
        devices::{self, DevicePorts, OwnDevices},
        emergencies::EmergencyPorts,
    },
};
use allynet_wire::{
    data,
    views::{AccessEntryView, BlockView, ContactView, DeviceView, EmergencyView, ExportView, SessionView},
};
use axum::extract::State;

use crate::{
    answer::{Answer, ok},
    caller::Caller,
    routes::{Resource, Routes},
};

/// Maximum number of emergencies in an export, and of its other records.
const MAX_EXPORTED_EMERGENCIES: usize = 1_000;
const MAX_EXPORTED_RECORDS: u32 = 10_000;
/// Number of emergencies that an export reads at once.
const EXPORT_PAGE: u32 = 200;

/// The state of these routes.
#[derive(Clone)]
pub(crate) struct RightsState {
    pub(crate) access_log: Arc<dyn port::AccessLog>,
    pub(crate) exports: Arc<dyn port::Exports>,
    pub(crate) sessions: Arc<dyn port::Sessions>,
    pub(crate) contacts: Arc<dyn port::Contacts>,
    pub(crate) blocks: Arc<dyn port::Blocks>,
    pub(crate) devices: DevicePorts,
    pub(crate) positions: Arc<dyn port::Positions>,
    pub(crate) emergencies: EmergencyPorts,
}

/// Authenticated routes about the caller's own account.
pub(crate) fn routes(cx: RightsState) -> Routes {
    Resource::new().get("/api/v1/auth/me/access-log", access_log).get("/api/v1/auth/me/export", export).with_state(cx)
}

async fn access_log(State(cx): State<RightsState>, Caller(actor): Caller) -> Answer {
    let entries = cx.access_log.entries(actor.id(), MAX_ACCESS_ENTRIES).await?;
    ok(data::AccessLog { entries: entries.into_iter().map(AccessEntryView::from).collect() })
}

async fn export(State(cx): State<RightsState>, Caller(actor): Caller) -> Answer {
    let user = actor.id();
    let contacts = cx.contacts.list(user).await?;
    let blocks = cx.blocks.list(user).await?.unwrap_or_default();
    let sessions = cx.sessions.list(user, Timestamp::UNIX_EPOCH, MAX_LISTED_SESSIONS).await?;
    let OwnDevices { devices, push_key } = devices::list(&cx.devices, &actor).await?;
    let emergencies = own_emergencies(&cx, &actor).await?;
    let records = cx.exports.records(user, MAX_EXPORTED_RECORDS).await?;
    let entries = cx.access_log.entries(user, MAX_ACCESS_ENTRIES).await?;
    let position = cx.positions.last(user).await?;
    let rules = &cx.emergencies.rules;
    ok(ExportView {
        account: ExportView::account(&actor.account, rules.helpers, cx.emergencies.clock.now()),
        contacts: contacts.iter().map(ContactView::from).collect(),
        blocks: blocks.iter().map(BlockView::from).collect(),
        sessions: sessions.iter().map(|session| SessionView::new(session, actor.session)).collect(),
        devices: devices.iter().map(|device| DeviceView::new(device, push_key.as_ref())).collect(),
        emergencies: emergencies.iter().map(|e| EmergencyView::new(e, Stage::Owner, &rules.places, None)).collect(),
        responses: records.responses.iter().map(Into::into).collect(),
        messages: records.messages.iter().map(Into::into).collect(),
        ratings: records.ratings.iter().map(Into::into).collect(),
        reports: records.reports.iter().map(Into::into).collect(),
        access_log: entries.into_iter().map(AccessEntryView::from).collect(),
        position: position.map(Into::into),
    })
}

/// The emergencies that the caller raised, newest first.
async fn own_emergencies(cx: &RightsState, actor: &Actor) -> Result<Vec<Emergency>, Error> {
    let (mut own, mut before) = (Vec::new(), None);
    while own.len() < MAX_EXPORTED_EMERGENCIES {
        let page = HistoryPage { user: actor.id(), status: None, before, limit: EXPORT_PAGE };
        let found = cx.emergencies.emergencies.history(&page).await?;
        // A page holds all that were created at the time of its last one.
        before = found.last().map(|emergency| emergency.call().created_at);
        let is_last = found.len() < EXPORT_PAGE as usize;
        own.extend(found.into_iter().filter(|emergency| emergency.owner() == actor.id()));
        if is_last {
            break;
        }
    }
    own.truncate(MAX_EXPORTED_EMERGENCIES);
    Ok(own)
}
