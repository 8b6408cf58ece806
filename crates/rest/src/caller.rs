//! Who calls: the access token of a request, and the account behind it. Rights are the domain's to decide.

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
};

use crate::answer::{Answer, Failure};

/// Who calls.
#[derive(Debug, Clone)]
pub(crate) struct Caller(pub(crate) Actor);

/// An administrator who calls; everybody else is refused before anything is read.
#[derive(Debug)]
pub(crate) struct Admin(pub(crate) Actor);

/// Lets through only those who prove who they are, and leaves a [`Caller`] for the handler: for routes about the
/// caller's own account.
pub(crate) async fn authenticate(State(cx): State<AccountPorts>, mut request: Request, next: Next) -> Answer {
    let authenticated = accounts::authenticate(&cx, bearer(request.headers())?).await?;
    request.extensions_mut().insert(Caller(authenticated.actor));
    Ok(next.run(request).await)
}

/// The same, for all other routes: what is not about rights may be some seconds old.
pub(crate) async fn recognize(State(cx): State<AccountPorts>, mut request: Request, next: Next) -> Answer {
    let recognized = accounts::recognize(&cx, bearer(request.headers())?).await?;
    request.extensions_mut().insert(Caller(recognized.actor));
    Ok(next.run(request).await)
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

    /// Without [`authenticate`] in front there is no caller, and nothing is done.
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
