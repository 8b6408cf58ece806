//! `/api/v1/auth`: registration, login and logout, and the caller's account.

use allynet_domain::{
    Account, HelperPolicy,
    usecase::{
        account_deletion,
        accounts::{self, AccountPorts, LoginOrigin},
        emergencies::EmergencyPorts,
    },
};
use allynet_wire::{
    data,
    input::accounts as input,
    limits::Limits,
    views::{Session, SessionView, Stats, Tokens, User},
};
use axum::extract::{FromRef, State};

use crate::{
    answer::{Answer, created, ok},
    caller::{Agent, Authenticated, Caller, Client},
    input::{JsonBody, PathSession},
    limits::count_attempt,
    routes::{Resource, Routes},
};

/// The state of the public routes.
#[derive(Clone)]
pub(crate) struct SignInState {
    pub(crate) accounts: AccountPorts,
    pub(crate) limits: Limits,
    pub(crate) policy: HelperPolicy,
}

/// The state of the routes of the caller's account.
#[derive(Clone)]
pub(crate) struct OwnAccountState {
    pub(crate) accounts: AccountPorts,
    /// Decides whether the caller is a helper on duty.
    pub(crate) policy: HelperPolicy,
}

impl FromRef<OwnAccountState> for AccountPorts {
    fn from_ref(cx: &OwnAccountState) -> Self {
        cx.accounts.clone()
    }
}

/// Routes without authentication that hash a password.
pub(crate) fn public(cx: SignInState) -> Routes {
    Resource::new().post("/api/v1/auth/register", register).post("/api/v1/auth/login", log_in).with_state(cx)
}

/// The exchange of refresh tokens, without authentication.
pub(crate) fn refreshing(cx: AccountPorts) -> Routes {
    Resource::new().post("/api/v1/auth/refresh", refresh).with_state(cx)
}

/// The state of the deletion of accounts.
#[derive(Clone)]
pub(crate) struct DeletionState {
    pub(crate) accounts: AccountPorts,
    /// Live emergencies, to which the caller may respond.
    pub(crate) emergencies: EmergencyPorts,
}

/// Authenticated routes that hash a password.
pub(crate) fn passwords(cx: DeletionState) -> Routes {
    Resource::new()
        .put("/api/v1/auth/update-password", change_password)
        .with_state(cx.accounts.clone())
        // Some proxies drop the body of a DELETE.
        .merge(
            Resource::new()
                .delete("/api/v1/auth/me", delete_account)
                .post("/api/v1/auth/me/delete", delete_account)
                .with_state(cx),
        )
}

/// The other authenticated routes.
pub(crate) fn account(cx: OwnAccountState) -> Routes {
    Resource::new()
        .post("/api/v1/auth/logout", log_out)
        .get("/api/v1/auth/me", me)
        .put("/api/v1/auth/me", change_profile)
        .get("/api/v1/auth/stats", stats)
        .get("/api/v1/auth/sessions", sessions)
        .delete("/api/v1/auth/sessions/{sessionId}", end_session)
        .with_state(cx)
}

async fn register(
    State(cx): State<SignInState>,
    Client(address): Client,
    Agent(user_agent): Agent,
    JsonBody(body): JsonBody,
) -> Answer {
    let registration = input::register(&body)?;
    count_attempt(&cx.limits, &registration.email, address)?;
    let signed_in = accounts::register(&cx.accounts, registration, LoginOrigin { address, user_agent }).await?;
    authenticated(created(Session::new(&signed_in, cx.policy, cx.accounts.clock.now())))
}

async fn log_in(
    State(cx): State<SignInState>,
    Client(address): Client,
    Agent(user_agent): Agent,
    JsonBody(body): JsonBody,
) -> Answer {
    let (email, password) = input::login(&body)?;
    email.as_ref().map_or(Ok(()), |email| count_attempt(&cx.limits, email, address))?;
    let signed_in = accounts::log_in(&cx.accounts, email, password, LoginOrigin { address, user_agent }).await?;
    authenticated(ok(Session::new(&signed_in, cx.policy, cx.accounts.clock.now())))
}

async fn refresh(State(cx): State<AccountPorts>, Agent(user_agent): Agent, JsonBody(body): JsonBody) -> Answer {
    let tokens = accounts::refresh(&cx, input::refresh(&body)?, user_agent).await?;
    authenticated(ok(Tokens::from(&tokens)))
}

/// Records that the client has a valid token, since it was just given one.
fn authenticated(answer: Answer) -> Answer {
    answer.map(|mut response| {
        response.extensions_mut().insert(Authenticated);
        response
    })
}

async fn log_out(State(cx): State<AccountPorts>, Caller(actor): Caller, JsonBody(body): JsonBody) -> Answer {
    accounts::log_out(&cx, &actor, input::logout(&body)?).await?;
    ok(())
}

async fn me(State(cx): State<OwnAccountState>, Caller(actor): Caller) -> Answer {
    own(&cx, &actor.account)
}

fn own(cx: &OwnAccountState, account: &Account) -> Answer {
    ok(User::own(account, cx.policy, cx.accounts.clock.now()))
}

async fn change_profile(State(cx): State<OwnAccountState>, Caller(actor): Caller, JsonBody(body): JsonBody) -> Answer {
    let profile = input::profile(&body, &actor.account.profile)?;
    cx.accounts.accounts.set_profile(actor.id(), &profile).await?;
    own(&cx, &Account { profile, ..actor.account })
}

async fn change_password(
    State(cx): State<AccountPorts>,
    Caller(actor): Caller,
    Client(address): Client,
    JsonBody(body): JsonBody,
) -> Answer {
    accounts::change_password(&cx, &actor, input::update_password(&body)?, address).await?;
    ok(())
}

async fn delete_account(
    State(cx): State<DeletionState>,
    Caller(actor): Caller,
    Client(address): Client,
    JsonBody(body): JsonBody,
) -> Answer {
    let password = input::confirmation(&body)?;
    account_deletion::delete(&cx.accounts, &cx.emergencies, &actor, password, address).await?;
    ok(())
}

async fn sessions(State(cx): State<AccountPorts>, Caller(actor): Caller) -> Answer {
    let sessions = accounts::sessions(&cx, &actor).await?;
    ok(data::Sessions {
        sessions: sessions.iter().map(|session| SessionView::new(session, Some(actor.session))).collect(),
    })
}

async fn end_session(
    State(cx): State<AccountPorts>,
    Caller(actor): Caller,
    PathSession(session): PathSession,
) -> Answer {
    accounts::end_session(&cx, &actor, session).await?;
    ok(data::SessionDeleted { session_id: session, deleted: true })
}

async fn stats(State(cx): State<AccountPorts>, Caller(actor): Caller) -> Answer {
    let activity = cx.accounts.activity(actor.id()).await?;
    ok(Stats::new(actor.account.reputation, activity))
}
