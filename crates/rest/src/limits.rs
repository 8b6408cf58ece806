//! Counts requests against the limits of their routes. Which route has which limit is the table of the wire crate's.

use allynet_domain::Email;
use allynet_wire::{
    client::ClientAddress,
    limits::{Limit, Limits, Subject, Who, of_route},
};
use axum::{
    extract::{MatchedPath, Request, State},
    middleware::Next,
};

use crate::{
    answer::{Answer, Failure},
    caller::Caller,
};

/// Lets a request through, or tells its caller when to try again. What is counted by account is counted by the handler,
/// which reads whose account it is about.
pub(crate) async fn limit(State(limits): State<Limits>, request: Request, next: Next) -> Answer {
    let path = request.extensions().get::<MatchedPath>().map_or("", MatchedPath::as_str);
    for &limit in of_route(request.method().as_str(), path).unwrap_or_default() {
        if let Some(who) = who(limit, &request) {
            limits.take(limit, who).map_err(Failure::rate_limited)?;
        }
    }
    Ok(next.run(request).await)
}

fn who(limit: Limit, request: &Request) -> Option<Who> {
    let extensions = request.extensions();
    match limit.subject() {
        Subject::Address => extensions.get::<ClientAddress>().copied().map(Who::Address),
        Subject::User => extensions.get::<Caller>().map(|Caller(actor)| Who::User(actor.id())),
        Subject::Account | Subject::Socket => None,
    }
}

/// Counts an attempt to enter an account, or to make it, whoever calls from wherever.
pub(crate) fn count_attempt(limits: &Limits, email: &Email) -> Result<(), Failure> {
    limits.take(Limit::Credentials, Who::account(email)).map_err(Failure::rate_limited)
}
