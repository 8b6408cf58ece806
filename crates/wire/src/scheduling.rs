//! Scheduling: who may be carried out next, when more requests and events arrive than can be carried out at once.
//!
//! Defines the order by kind of request. The algorithm is behind the trait [`Scheduler`].

use std::time::Duration;

use allynet_domain::UserId;
use async_trait::async_trait;

use crate::{client::ClientAddress, limits::of_route};

/// The class of a request. Each has connections to the database, and a bound of requests in progress, of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Priority {
    /// Raising and ending an emergency, and responding to it.
    High,
    /// Everything else.
    Normal,
}

/// The treatment of a request whose requester has too many that wait already.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Overflow {
    /// It is refused; the answer says when to try again.
    Refused,
    /// It waits all the same, until its deadline.
    Queued,
}

/// The source of a request, by which requests are ordered: each user has a turn, then the next. Requests without a user
/// are ordered by address.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Requester {
    /// The user of the token.
    pub user: Option<UserId>,
    /// The address of the client; `None` where it is not known.
    pub address: Option<ClientAddress>,
}

/// The permit to carry out one request. Dropping it lets the next one begin.
pub type WorkPermit = Box<dyn Send>;

/// Too many requests of this requester are waiting.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("too many requests of this caller are waiting")]
pub struct QueueFull {
    /// The time after which a retry can succeed.
    pub retry_after: Duration,
}

/// Orders the requests of REST and Socket.IO. One per process.
#[async_trait]
pub trait Scheduler: Send + Sync {
    /// Waits until the request may be carried out. Cancel-safe.
    ///
    /// MUST serve requesters in turn, and MUST bound the requests in progress of each user and of each address.
    ///
    /// # Errors
    /// [`QueueFull`], only with [`Overflow::Refused`].
    async fn acquire(
        &self,
        requester: Requester,
        priority: Priority,
        overflow: Overflow,
    ) -> Result<WorkPermit, QueueFull>;
}

/// The class of a route's requests, and what becomes of too many of them.
///
/// A change that is never limited is what a person in an emergency depends on.
pub fn of_request(method: &str, path: &str) -> (Priority, Overflow) {
    let unlimited = of_route(method, path).is_some_and(<[_]>::is_empty);
    let reads = matches!(method, "GET" | "HEAD");
    match (unlimited, reads) {
        (true, false) => (Priority::High, Overflow::Queued),
        (true, true) => (Priority::Normal, Overflow::Queued),
        (false, _) => (Priority::Normal, Overflow::Refused),
    }
}

/// A scheduler without bounds, for tests and tools.
#[derive(Debug, Clone, Copy, Default)]
pub struct Unscheduled;

#[async_trait]
impl Scheduler for Unscheduled {
    async fn acquire(&self, _: Requester, _: Priority, _: Overflow) -> Result<WorkPermit, QueueFull> {
        Ok(Box::new(()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::limits::ROUTES;

    #[test]
    fn what_is_vital_in_an_emergency_has_high_priority_and_is_never_refused() {
        let high: Vec<_> = ROUTES
            .iter()
            .filter(|(method, path, _)| of_request(method, path).0 == Priority::High)
            .map(|(method, path, _)| format!("{method} {}", path.trim_start_matches("/api/v1/emergencies")))
            .collect();
        for route in
            ["POST ", "POST /{id}/respond", "PUT /{id}/helper-status", "POST /{id}/resolve", "POST /{id}/cancel"]
        {
            assert!(high.iter().any(|high| high == route), "{route}: {high:?}");
        }
        assert!(high.iter().all(|route| !route.starts_with("GET")), "{high:?}");
        for (method, path, limits) in ROUTES {
            let expected = if limits.is_empty() { Overflow::Queued } else { Overflow::Refused };
            assert_eq!(of_request(method, path).1, expected, "{method} {path}");
        }
        assert_eq!(of_request("GET", "/nowhere"), (Priority::Normal, Overflow::Refused));
    }
}
