//! The port `HashingQueue`: a [`FairQueue`] by address, with one permit per core.

use std::{net::IpAddr, num::NonZero, thread};

use allynet_domain::{
    Refusal,
    port::{HashingQueue, QueuePermit},
};
use allynet_wire::scheduling::{Overflow, Priority};
use async_trait::async_trait;
use chrono::TimeDelta;

use crate::fair_queue::{Bounds, FairQueue, Full, Source};

/// Waiting requests of one address: as many as people behind one router may send at once. On two cores the last of them waits
/// for two seconds.
const MAX_WAITING_PER_ADDRESS: usize = 64;
/// Waiting requests of known callers, and of all others.
const MAX_WAITING_HASHES: usize = 256;
/// The delay that is suggested when too many wait. A full queue is worked off in about this time.
const HASHING_RETRY_AFTER: TimeDelta = TimeDelta::seconds(5);

/// The queue of this process.
#[derive(Debug, Clone)]
pub(crate) struct AddressQueue(FairQueue<IpAddr>);

impl AddressQueue {
    /// An empty queue.
    pub(crate) fn new() -> Self {
        let cores = thread::available_parallelism().map_or(1, NonZero::get);
        Self(FairQueue::new("passwords", bounds(cores)))
    }
}

impl Default for AddressQueue {
    fn default() -> Self {
        Self::new()
    }
}

/// One address may use all cores while no other asks for one.
const fn bounds(cores: usize) -> Bounds {
    Bounds {
        total: cores,
        normal: cores,
        high_per_caller: cores,
        normal_per_caller: cores,
        per_group: cores,
        waiting_per_caller: MAX_WAITING_PER_ADDRESS,
        waiting: MAX_WAITING_HASHES,
    }
}

#[async_trait]
impl HashingQueue for AddressQueue {
    async fn enter(&self, address: IpAddr, known: bool) -> Result<QueuePermit, Refusal> {
        let priority = if known { Priority::High } else { Priority::Normal };
        let source = Source { caller: address, group: None };
        let permit = self.0.acquire(source, priority, Overflow::Refused).await;
        permit
            .map(|permit| Box::new(permit) as QueuePermit)
            .map_err(|Full| Refusal::TooSoon { retry_after: HASHING_RETRY_AFTER })
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt as _;

    use super::*;

    fn address(n: usize) -> IpAddr {
        [10, 0, u8::try_from(n / 256).unwrap(), u8::try_from(n % 256).unwrap()].into()
    }

    #[test]
    fn places_are_kept_for_known_callers_when_strangers_fill_the_queue() {
        let queue = AddressQueue(FairQueue::new("test", bounds(1)));
        let working = queue.enter(address(0), false).now_or_never().unwrap().unwrap();
        let mut strangers: Vec<_> = (0..MAX_WAITING_HASHES).map(|n| queue.enter(address(n), false)).collect();
        assert!(strangers.iter_mut().all(|turn| turn.now_or_never().is_none()));
        let refused = queue.enter(address(1_000), false).now_or_never().unwrap().err();
        assert_eq!(refused, Some(Refusal::TooSoon { retry_after: HASHING_RETRY_AFTER }));
        let mut known = queue.enter(address(1_000), true);
        assert!((&mut known).now_or_never().is_none());
        drop(working);
        assert!(known.now_or_never().unwrap().is_ok(), "a known caller goes first");
    }

    #[test]
    fn an_address_that_sends_too_much_is_refused_and_no_other() {
        let queue = AddressQueue(FairQueue::new("test", bounds(1)));
        let _working = queue.enter(address(0), false).now_or_never().unwrap().unwrap();
        let mut flood: Vec<_> = (0..MAX_WAITING_PER_ADDRESS).map(|_| queue.enter(address(1), false)).collect();
        assert!(flood.iter_mut().all(|turn| turn.now_or_never().is_none()));
        assert!(queue.enter(address(1), false).now_or_never().unwrap().is_err());
        assert!(queue.enter(address(2), false).now_or_never().is_none(), "another address waits");
    }
}
