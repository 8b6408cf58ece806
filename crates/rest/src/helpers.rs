//! `/api/v1/helpers/me`: one's own part as a helper, and where one is.

use allynet_domain::{
    Account, Refusal,
    usecase::helpers::{self, HelperPorts},
};
use allynet_wire::{
    input::{accounts as input, emergencies::location},
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

/// What a user may call about themselves.
pub(crate) fn own(cx: HelperPorts) -> Routes {
    Resource::new().get("/api/v1/helpers/me", me).put("/api/v1/helpers/me", enlist).over(cx)
}

/// Where a user is, told often.
pub(crate) fn position(cx: HelperPorts) -> Routes {
    Resource::new().put("/api/v1/helpers/me/location", locate).over(cx)
}

async fn me(Caller(actor): Caller) -> Answer {
    record(&actor.account)
}

async fn enlist(State(cx): State<HelperPorts>, Caller(actor): Caller, JsonBody(body): JsonBody) -> Answer {
    let account = helpers::enlist(&cx, &actor, input::duty(&body)?).await?;
    record(&account)
}

fn record(account: &Account) -> Answer {
    let helper = HelperRecordView::of(account).ok_or(Refusal::NotAHelper)?;
    ok(Helper { helper })
}

async fn locate(State(cx): State<HelperPorts>, Caller(actor): Caller, JsonBody(body): JsonBody) -> Answer {
    let position = location(&body)?;
    helpers::locate(&cx, actor.id(), position).await?;
    ok(Confirmation::located(position))
}
