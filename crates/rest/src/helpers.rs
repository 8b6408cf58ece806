//! `/api/v1/helpers/me`: the caller's helper record and position.

use allynet_domain::{
    Account, Refusal,
    usecase::{
        Rules,
        devices::DevicePorts,
        helpers::{self, HelperPorts},
        readiness,
    },
};
use allynet_wire::{
    data,
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

/// The route of what the caller has to mend to be reached.
pub(crate) fn own_readiness(cx: DevicePorts, rules: Rules) -> Routes {
    Resource::new().get("/api/v1/helpers/me/readiness", ready).with_state((cx, rules))
}

async fn me(State(cx): State<HelperPorts>, Caller(actor): Caller) -> Answer {
    render(&cx, &actor.account)
}

async fn ready(State((cx, rules)): State<(DevicePorts, Rules)>, Caller(actor): Caller) -> Answer {
    let problems = readiness::problems(&cx, &rules, &actor).await?;
    ok(data::HelperReadiness { ready: problems.is_empty(), problems })
}

async fn enlist(State(cx): State<HelperPorts>, Caller(actor): Caller, JsonBody(body): JsonBody) -> Answer {
    let account = helpers::enlist(&cx, &actor, input::duty(&body)?).await?;
    render(&cx, &account)
}

fn render(cx: &HelperPorts, account: &Account) -> Answer {
    let helper = HelperRecordView::own(account, cx.rules.helpers, cx.clock.now()).ok_or(Refusal::NotAHelper)?;
    ok(Helper { helper })
}

async fn locate(State(cx): State<HelperPorts>, Caller(actor): Caller, JsonBody(body): JsonBody) -> Answer {
    let Located { position, taken } = location(&body)?;
    let report = helpers::report(cx.clock.now(), (actor.id(), actor.session), position, taken);
    let stored = helpers::locate(&cx, report).await?;
    ok(Confirmation::located(position, stored))
}
