//! The scheduler of requests and client events: a [`FairQueue`] by user, in groups by address.
//!
//! It stands in front of the connections to the database. Those have queues of their own, which are first come, first
//! served: so the bounds here are only a little above the number of connections, and the order is decided here.

use std::time::Duration;

use allynet_domain::UserId;
use allynet_wire::{
    client::ClientAddress,
    scheduling::{Overflow, Priority, QueueFull, Requester, Scheduler, WorkPermit},
};
use async_trait::async_trait;

use crate::fair_queue::{Bounds, FairQueue, Source};

/// Bounds of requests in progress. An app asks for two or three things at once; a crowd behind one address may have half
/// of everything. What has high priority changes an emergency: of one user only one at a time, so that a flood of updates
/// neither fills the queue of the emergency nor makes others decide again. As many may wait as the largest burst that the rate
/// limits allow to a user.
const REQUEST_BOUNDS: Bounds = Bounds {
    total: 48,
    normal: 24,
    high_per_caller: 1,
    normal_per_caller: 4,
    per_group: 12,
    waiting_per_caller: 300,
    waiting: usize::MAX,
};
/// The delay that is suggested to a caller with too many waiting requests. These take a fraction of it.
const REQUEST_RETRY_AFTER: Duration = Duration::from_secs(1);

/// The caller of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Caller {
    User(UserId),
    Address(ClientAddress),
    /// Requests of an unknown source share one place.
    Unknown,
}

/// Orders the requests and events of this process.
#[derive(Debug, Clone)]
pub struct RequestScheduler {
    queue: FairQueue<Caller>,
}

impl RequestScheduler {
    /// A scheduler without requests.
    pub fn new() -> Self {
        Self { queue: FairQueue::new("requests", REQUEST_BOUNDS) }
    }
}

impl Default for RequestScheduler {
    fn default() -> Self {
        Self::new()
    }
}

#[async_trait]
impl Scheduler for RequestScheduler {
    async fn acquire(
        &self,
        requester: Requester,
        priority: Priority,
        overflow: Overflow,
    ) -> Result<WorkPermit, QueueFull> {
        let permit = self.queue.acquire(source(requester), priority, overflow).await;
        permit.map(|permit| Box::new(permit) as WorkPermit).map_err(|_| QueueFull { retry_after: REQUEST_RETRY_AFTER })
    }
}

fn source(Requester { user, address }: Requester) -> Source<Caller> {
    let group = address.map(Caller::Address);
    Source { caller: user.map(Caller::User).or(group).unwrap_or(Caller::Unknown), group }
}

#[cfg(test)]
mod tests {
    use allynet_wire::limits::{Excess, Limit, Subject};
    use futures_util::FutureExt;
    use uuid::Uuid;

    use super::*;

    #[test]
    fn a_burst_that_the_rate_limits_allow_is_never_refused_here() {
        let of_users =
            Limit::ALL.iter().filter(|limit| limit.subject() == Subject::User && limit.excess() == Excess::Refused);
        for limit in of_users {
            assert!(usize::try_from(limit.quota().burst).unwrap() <= REQUEST_BOUNDS.waiting_per_caller, "{limit:?}");
        }
    }

    #[test]
    fn of_one_user_one_change_of_an_emergency_is_carried_out_at_a_time_and_reads_beside_it() {
        let scheduler = RequestScheduler::new();
        let acquire = |user, priority| {
            let requester = Requester { user: Some(Uuid::from_u128(user).into()), address: None };
            scheduler.acquire(requester, priority, Overflow::Queued)
        };
        let mut flood: Vec<_> = (0..3_000).map(|_| acquire(1, Priority::High)).collect();
        let mut begun: Vec<_> = flood.iter_mut().filter_map(FutureExt::now_or_never).collect();
        assert_eq!(begun.len(), 1);
        assert!(acquire(1, Priority::Normal).now_or_never().is_some());
        assert!(acquire(2, Priority::High).now_or_never().is_some());
        // One by one, in their order.
        for next in &mut flood[1..] {
            begun.clear();
            begun.extend(next.now_or_never());
            assert_eq!(begun.len(), 1);
        }
    }
}
