//! `/api/v1/auth/forgot-password` and `/api/v1/auth/reset-password`: replacing a forgotten password by email.

use allynet_domain::usecase::password_resets::{self, PasswordResetPorts};
use allynet_wire::{
    input::accounts::{forgot_password, reset_password},
    limits::Limits,
};
use axum::extract::State;

use crate::{
    answer::{Answer, ok},
    caller::Client,
    input::JsonBody,
    limits::count_attempt,
    routes::{Resource, Routes},
};

/// The state of these routes.
#[derive(Clone)]
pub(crate) struct ResetState {
    pub(crate) resets: PasswordResetPorts,
    pub(crate) limits: Limits,
}

/// Routes without authentication.
pub(crate) fn routes(cx: ResetState) -> Routes {
    Resource::new()
        .post("/api/v1/auth/forgot-password", forgot)
        .post("/api/v1/auth/reset-password", reset)
        .with_state(cx)
}

async fn forgot(State(cx): State<ResetState>, Client(address): Client, JsonBody(body): JsonBody) -> Answer {
    let email = forgot_password(&body)?;
    email.as_ref().map_or(Ok(()), |email| count_attempt(&cx.limits, email, address))?;
    password_resets::request(&cx.resets, email, address)?;
    ok(())
}

async fn reset(State(cx): State<ResetState>, Client(address): Client, JsonBody(body): JsonBody) -> Answer {
    let (token, password) = reset_password(&body)?;
    password_resets::reset(&cx.resets, token, password, address).await?;
    ok(())
}
