//! Authentication: the access token of a request, and the account behind it. Authorization is the domain's.

use allynet_domain::{
    Actor, Refusal,
    usecase::{
        accounts::{self, AccountPorts},
        helpers::must_be_admin,
    },
};
use axum::{
    extract::{FromRequestParts, Request, State},
    http::{HeaderMap, header::AUTHORIZATION, request::Parts},
    middleware::Next,
    response::Response,
};

use crate::answer::{Answer, Failure};

/// The authenticated caller.
#[derive(Debug, Clone)]
pub(crate) struct Caller(pub(crate) Actor);

/// An authenticated administrator. Callers with other roles are refused before the request is parsed.
#[derive(Debug)]
pub(crate) struct Admin(pub(crate) Actor);

/// The request carried a valid access token. In the extensions of its response.
#[derive(Debug, Clone, Copy)]
pub struct Authenticated;

/// Middleware that requires a valid access token and inserts the [`Caller`], with the account as it is now.
pub(crate) async fn authenticate(State(cx): State<AccountPorts>, mut request: Request, next: Next) -> Answer {
    let authenticated = accounts::authenticate(&cx, bearer(request.headers())?).await?;
    request.extensions_mut().insert(Caller(authenticated.actor));
    Ok(run_authenticated(request, next).await)
}

/// The same for all other routes: the account may be up to a second old, so that it can be cached.
pub(crate) async fn recognize(State(cx): State<AccountPorts>, mut request: Request, next: Next) -> Answer {
    let recognized = accounts::recognize(&cx, bearer(request.headers())?).await?;
    request.extensions_mut().insert(Caller(recognized.actor));
    Ok(run_authenticated(request, next).await)
}

async fn run_authenticated(request: Request, next: Next) -> Response {
    let mut response = next.run(request).await;
    response.extensions_mut().insert(Authenticated);
    response
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
