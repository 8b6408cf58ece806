//! The envelopes of successes and failures, and the log line of each fault.

use std::{any::Any, error, fmt, iter::successors, time::Duration};

use allynet_domain::{
    Error, Refusal,
    port::{self, StorageFull},
};
use allynet_wire::{Problem, problem::faults, views::Success};
use axum::{
    Json,
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use serde::Serialize;

/// The result of a handler.
pub(crate) type Answer = Result<Response, Failure>;

/// 200 with data.
#[expect(clippy::unnecessary_wraps, reason = "it is the last expression of handlers")]
pub(crate) fn ok(data: impl Serialize) -> Answer {
    Ok(success(StatusCode::OK, data))
}

/// 201 with data.
#[expect(clippy::unnecessary_wraps, reason = "it is the last expression of handlers")]
pub(crate) fn created(data: impl Serialize) -> Answer {
    Ok(success(StatusCode::CREATED, data))
}

/// 202 with data.
#[expect(clippy::unnecessary_wraps, reason = "it is the last expression of handlers")]
pub(crate) fn accepted(data: impl Serialize) -> Answer {
    Ok(success(StatusCode::ACCEPTED, data))
}

fn success(status: StatusCode, data: impl Serialize) -> Response {
    (status, private(), Json(Success::new(data))).into_response()
}

/// Forbids caches to store an answer, which may hold tokens, positions and names (RFC 9111, 5.2.2.5).
fn private() -> [(header::HeaderName, &'static str); 1] {
    [(header::CACHE_CONTROL, "no-store")]
}

/// The extension of an answer to a request that failed because the storage of the database is full.
#[derive(Debug, Clone, Copy)]
pub struct StorageWasFull;

/// A failed request: the problem for the client, and the cause for the log if the service is at fault.
#[derive(Debug)]
pub struct Failure {
    problem: Problem,
    cause: Option<Box<dyn error::Error + Send + Sync>>,
    /// The time after which a retry can succeed.
    wait: Option<Duration>,
}

impl Failure {
    /// A fault of the service: 500.
    pub(crate) fn internal(cause: impl Into<Box<dyn error::Error + Send + Sync>>) -> Self {
        Self { problem: faults::internal(), cause: Some(cause.into()), wait: None }
    }

    /// An exceeded rate limit: 429.
    pub(crate) fn rate_limited(wait: Duration) -> Self {
        Self { problem: faults::rate_limited(), cause: None, wait: Some(wait) }
    }

    /// A fault whose cause is the payload of a panic.
    pub fn panicked(panic: &(dyn Any + Send)) -> Self {
        let text = panic.downcast_ref::<&str>().copied();
        let text = text.or_else(|| panic.downcast_ref::<String>().map(String::as_str));
        Self::internal(format!("the handler panicked: {}", text.unwrap_or("without a message")))
    }
}

impl From<Problem> for Failure {
    fn from(problem: Problem) -> Self {
        Self { problem, cause: None, wait: None }
    }
}

impl From<Refusal> for Failure {
    fn from(refusal: Refusal) -> Self {
        Error::from(refusal).into()
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        let wait = match &error {
            Error::Refused(Refusal::TooSoon { retry_after }) => retry_after.to_std().ok(),
            Error::Refused(_) | Error::Port(_) => None,
        };
        Self { problem: Problem::from(&error), cause: Some(error.into()), wait }
    }
}

impl From<port::Error> for Failure {
    fn from(error: port::Error) -> Self {
        Error::from(error).into()
    }
}

impl IntoResponse for Failure {
    /// Logs a fault with its causes; the span of the request adds the request id.
    fn into_response(self) -> Response {
        let Self { problem, cause, wait } = self;
        if let Some(cause) = cause.as_deref().filter(|_| problem.is_fault()) {
            tracing::error!(reason = problem.reason, cause = %Chain(cause), "the request failed");
        }
        let status = StatusCode::from_u16(problem.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let mut response = (status, private(), Json(&problem)).into_response();
        if cause.as_deref().is_some_and(|cause| chain(cause).any(<dyn error::Error>::is::<StorageFull>)) {
            response.extensions_mut().insert(StorageWasFull);
        }
        if status == StatusCode::UNAUTHORIZED {
            // A 401 must name a scheme (RFC 9110, 15.5.2).
            response.headers_mut().insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        if let Some(wait) = wait {
            // Whole seconds (RFC 9110, 10.2.3), rounded up so that a client that waits for them is not refused again.
            let seconds = wait.as_nanos().div_ceil(1_000_000_000).max(1);
            response.headers_mut().extend(HeaderValue::try_from(seconds.to_string()).map(|s| (header::RETRY_AFTER, s)));
        }
        response
    }
}

/// Displays an error and all of its sources on one line.
struct Chain<'a>(&'a (dyn error::Error + 'static));

impl fmt::Display for Chain<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)?;
        chain(self.0).skip(1).try_for_each(|source| write!(f, ": {source}"))
    }
}

/// An error and all of its sources.
fn chain<'a>(error: &'a (dyn error::Error + 'static)) -> impl Iterator<Item = &'a (dyn error::Error + 'static)> {
    successors(Some(error), |error| error.source())
}
