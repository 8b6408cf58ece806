//! Authentication: the access token of a request, and the account behind it. Authorization is the domain's.

use std::{
    convert::Infallible,
    net::{IpAddr, Ipv4Addr},
    sync::Arc,
};

use allynet_domain::{
    Actor, Refusal, UserAgent,
    port::AccessClaims,
    usecase::{
        accounts::{self, AccountPorts},
        helpers::must_be_admin,
    },
};
use allynet_wire::{
    client::ClientAddress,
    limits::{Limit, of_route},
    scheduling::{Priority, Scheduler},
};
use axum::{
    extract::{FromRequestParts, MatchedPath, Request, State},
    http::{
        HeaderMap,
        header::{AUTHORIZATION, USER_AGENT},
        request::Parts,
    },
    middleware::Next,
    response::Response,
};

use crate::{
    answer::{Answer, Failure},
    work_permit::RequestPermit,
};

/// The state of the middleware: the ports by priority, and the order of requests.
pub(crate) struct Authentication {
    pub(crate) normal: AccountPorts,
    pub(crate) high: AccountPorts,
    pub(crate) scheduler: Arc<dyn Scheduler>,
}

/// The authenticated caller.
#[derive(Debug, Clone)]
pub(crate) struct Caller(pub(crate) Actor);

/// An authenticated administrator. Callers with other roles are refused before the request is parsed.
#[derive(Debug)]
pub(crate) struct Admin(pub(crate) Actor);

/// The address of the client, as it is counted. All clients whose address is not known count as one.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Client(pub(crate) IpAddr);

/// The program of the client, as it names itself.
#[derive(Debug)]
pub(crate) struct Agent(pub(crate) Option<UserAgent>);

/// The request carried a valid access token, or its response does. In the extensions of the response.
#[derive(Debug, Clone, Copy)]
pub struct Authenticated;

/// Middleware that requires a valid access token and inserts the [`Caller`], with the account as it is now.
///
/// Both wait for the permit of the user before they read the account.
pub(crate) async fn authenticate(State(cx): State<Arc<Authentication>>, mut request: Request, next: Next) -> Answer {
    let (permit, claims) = cx.begin(&request)?;
    permit.acquire().await?;
    let authenticated = accounts::authenticate(cx.accounts(&permit), claims).await?;
    let _permit = insert(&mut request, authenticated.actor, permit);
    Ok(run_authenticated(request, next).await)
}

/// The same for all other routes: the account may be up to a second old, so that it can be cached.
pub(crate) async fn recognize(State(cx): State<Arc<Authentication>>, mut request: Request, next: Next) -> Answer {
    let (permit, claims) = cx.begin(&request)?;
    permit.acquire().await?;
    let recognized = accounts::recognize(cx.accounts(&permit), claims).await?;
    let _permit = insert(&mut request, recognized.actor, permit);
    Ok(run_authenticated(request, next).await)
}

/// Middleware for routes without authentication that use the database at once: they are served in turn by address.
pub(crate) async fn in_turn(State(cx): State<Arc<Authentication>>, mut request: Request, next: Next) -> Answer {
    let permit = RequestPermit::anonymous(cx.scheduler.clone(), &request);
    permit.acquire().await?;
    request.extensions_mut().insert(permit.clone());
    let response = next.run(request).await;
    drop(permit);
    Ok(response)
}

async fn run_authenticated(request: Request, next: Next) -> Response {
    let mut response = next.run(request).await;
    response.extensions_mut().insert(Authenticated);
    response
}

/// Gives the permit to the request, unless what follows waits in a fair queue of its own: that of passwords, or the batch of
/// positions, which has one place for each user.
///
/// Returns the permit, to be held until the answer: the extensions are dropped before the handler begins.
fn insert(request: &mut Request, actor: Actor, permit: RequestPermit) -> Option<RequestPermit> {
    let path = request.extensions().get::<MatchedPath>().map_or("", MatchedPath::as_str);
    let limits = of_route(request.method().as_str(), path).unwrap_or_default();
    request.extensions_mut().insert(Caller(actor));
    if limits.iter().any(|limit| matches!(limit, Limit::Passwords | Limit::Locations)) {
        return None;
    }
    request.extensions_mut().insert(permit.clone());
    Some(permit)
}

impl Authentication {
    fn begin(&self, request: &Request) -> Result<(RequestPermit, AccessClaims), Failure> {
        let claims = accounts::read_token(&self.normal, bearer(request.headers())?)?;
        Ok((RequestPermit::new(self.scheduler.clone(), request, Some(claims.user)), claims))
    }

    fn accounts(&self, permit: &RequestPermit) -> &AccountPorts {
        match permit.priority() {
            Priority::High => &self.high,
            Priority::Normal => &self.normal,
        }
    }
}

/// The token of `Authorization: Bearer …` (RFC 6750); the name of the scheme has no case (RFC 9110, 11.1).
fn bearer(headers: &HeaderMap) -> Result<&str, Refusal> {
    let header = headers.get(AUTHORIZATION).ok_or(Refusal::TokenMissing)?;
    let header = header.to_str().map_err(|_| Refusal::TokenInvalid)?;
    let (scheme, token) = header.split_once(' ').ok_or(Refusal::TokenMissing)?;
    let token = token.trim();
    if token.is_empty() || !scheme.eq_ignore_ascii_case("bearer") {
        return Err(Refusal::TokenMissing);
    }
    Ok(token)
}

impl<S: Sync> FromRequestParts<S> for Caller {
    type Rejection = Failure;

    /// Refuses when neither [`authenticate`] nor [`recognize`] ran: a route without them is closed to all.
    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Failure> {
        parts.extensions.remove().ok_or_else(|| Refusal::TokenMissing.into())
    }
}

impl<S: Sync> FromRequestParts<S> for Admin {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Failure> {
        let Caller(actor) = Caller::from_request_parts(parts, state).await?;
        must_be_admin(&actor)?;
        Ok(Self(actor))
    }
}

impl<S: Sync> FromRequestParts<S> for Agent {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Infallible> {
        Ok(Self(parts.headers.get(USER_AGENT).and_then(|value| UserAgent::of_header(value.as_bytes()))))
    }
}

impl<S: Sync> FromRequestParts<S> for Client {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Infallible> {
        let address = parts.extensions.get::<ClientAddress>();
        Ok(Self(address.map_or(Ipv4Addr::UNSPECIFIED.into(), |address| address.ip())))
    }
}
