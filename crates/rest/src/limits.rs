//! Rate limits: counts each request against the limits of its route, which the table of the wire crate defines.

use std::net::IpAddr;

use allynet_domain::Email;
use allynet_wire::{
    client::ClientAddress,
    limits::{Excess, Limit, LimitKey, Limits, Subject, of_route},
};
use axum::{
    extract::{MatchedPath, Request, State},
    middleware::Next,
};

use crate::{
    answer::{Answer, Failure},
    caller::Caller,
};

/// Middleware that refuses a request with 429 when a limit of its route is exceeded.
///
/// Limits per account are not taken here but by [`count_attempt`]: the account is in the body.
pub(crate) async fn limit(State(limits): State<Limits>, request: Request, next: Next) -> Answer {
    let path = request.extensions().get::<MatchedPath>().map_or("", MatchedPath::as_str);
    for &limit in of_route(request.method().as_str(), path).unwrap_or_default() {
        // What is ignored is answered by its handler.
        if limit.excess() == Excess::Refused
            && let Some(who) = subject(limit, &request)
        {
            limits.take(limit, who).map_err(Failure::rate_limited)?;
        }
    }
    Ok(next.run(request).await)
}

/// The caller as this limit counts it, or `None` if the limit is not counted per request.
fn subject(limit: Limit, request: &Request) -> Option<LimitKey> {
    let extensions = request.extensions();
    match limit.subject() {
        Subject::Address => extensions.get::<ClientAddress>().copied().map(LimitKey::Address),
        Subject::User => extensions.get::<Caller>().map(|Caller(actor)| LimitKey::User(actor.id())),
        Subject::Account | Subject::Socket => None,
    }
}

/// Counts an attempt to log in to or to register the account with this email, from one address.
pub(crate) fn count_attempt(limits: &Limits, email: &Email, address: IpAddr) -> Result<(), Failure> {
    limits.take(Limit::Credentials, LimitKey::account(email, address)).map_err(Failure::rate_limited)
}
