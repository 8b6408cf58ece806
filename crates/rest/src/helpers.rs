//! `/api/v1/helpers/me`: the caller's helper record and position.

use allynet_domain::{
    Account, Refusal,
    usecase::helpers::{self, HelperPorts},
};
use allynet_wire::{
    input::{
        accounts as input,
        emergencies::{Located, location},
    },
    socket::Confirmation,
    views::{Helper, HelperRecordView},
};
use axum::extract::State;

use crate::{
    answer::{Answer, ok},
    caller::Caller,
    input::JsonBody,
    routes::{Resource, Routes},
};

/// Routes of the caller's helper record.
pub(crate) fn record(cx: HelperPorts) -> Routes {
    Resource::new().get("/api/v1/helpers/me", me).put("/api/v1/helpers/me", enlist).with_state(cx)
}

/// The route of position reports, the most frequent of all.
pub(crate) fn position(cx: HelperPorts) -> Routes {
    Resource::new().put("/api/v1/helpers/me/location", locate).with_state(cx)
}

async fn me(Caller(actor): Caller) -> Answer {
    render(&actor.account)
}

async fn enlist(State(cx): State<HelperPorts>, Caller(actor): Caller, JsonBody(body): JsonBody) -> Answer {
    let account = helpers::enlist(&cx, &actor, input::duty(&body)?).await?;
    render(&account)
}

fn render(account: &Account) -> Answer {
    let helper = HelperRecordView::of(account).ok_or(Refusal::NotAHelper)?;
    ok(Helper { helper })
}

async fn locate(State(cx): State<HelperPorts>, Caller(actor): Caller, JsonBody(body): JsonBody) -> Answer {
    let Located { position, taken } = location(&body)?;
    let report = helpers::report(cx.clock.now(), (actor.id(), actor.session), position, taken);
    let stored = helpers::locate(&cx, report).await?;
    ok(Confirmation::located(position, stored))
}
