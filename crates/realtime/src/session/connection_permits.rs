//! Number of connections per client address, and permits that limit it.

use std::{
    collections::{HashMap, hash_map::Entry},
    sync::Arc,
};

use allynet_wire::client::ClientAddress;
use parking_lot::Mutex;

/// Connections of this node, counted by address. Clones share the counts.
#[derive(Clone, Debug, Default)]
pub(crate) struct ConnectionPermits {
    counts: Arc<Mutex<HashMap<ClientAddress, usize>>>,
}

/// One counted connection of an address; dropping the permit returns it.
#[derive(Debug)]
pub(crate) struct ConnectionPermit {
    address: ClientAddress,
    permits: ConnectionPermits,
}

impl ConnectionPermits {
    /// Counts one more connection of this address, or returns `None` if it has `limit` connections already.
    pub(crate) fn acquire(&self, address: ClientAddress, limit: usize) -> Option<ConnectionPermit> {
        let mut counts = self.counts.lock();
        let count = counts.get(&address).copied().unwrap_or_default();
        if count >= limit {
            return None;
        }
        counts.insert(address, count + 1);
        Some(ConnectionPermit { address, permits: self.clone() })
    }
}

impl Drop for ConnectionPermit {
    fn drop(&mut self) {
        let mut counts = self.permits.counts.lock();
        if let Entry::Occupied(mut count) = counts.entry(self.address) {
            *count.get_mut() -= 1;
            if *count.get() == 0 {
                count.remove();
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::net::{IpAddr, Ipv4Addr};

    use super::*;

    #[test]
    fn permits_are_limited_by_address_and_returned_on_drop() {
        let permits = ConnectionPermits::default();
        let [one, other] = [1, 2].map(|last| ClientAddress::from(IpAddr::V4(Ipv4Addr::new(192, 0, 2, last))));
        let first = permits.acquire(one, 2).unwrap();
        let _second = permits.acquire(one, 2).unwrap();
        assert!(permits.acquire(one, 2).is_none());
        assert!(permits.acquire(one, usize::MAX).is_some(), "the limit is the caller's; that permit was returned");
        let elsewhere = permits.acquire(other, 2).unwrap();
        drop(first);
        assert!(permits.acquire(one, 2).is_some());
        drop(elsewhere);
        assert_eq!(permits.counts.lock().len(), 1, "an address without connections is removed");
    }
}
