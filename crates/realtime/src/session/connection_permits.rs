//! How many connections come from each address. Knows nothing else about them.

use std::{
    collections::{HashMap, hash_map::Entry},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use allynet_wire::client::ClientAddress;

/// The connections of this node, counted by address. A clone refers to the same.
#[derive(Clone, Debug, Default)]
pub(crate) struct Addresses {
    counts: Arc<Mutex<HashMap<ClientAddress, usize>>>,
}

/// One connection from an address; dropping it gives the place back.
#[derive(Debug)]
pub(crate) struct Place {
    address: ClientAddress,
    of: Addresses,
}

impl Addresses {
    /// Counts one more connection, unless there are `most` already.
    pub(crate) fn enter(&self, address: ClientAddress, most: usize) -> Option<Place> {
        let mut counts = self.counts();
        let count = counts.get(&address).copied().unwrap_or_default();
        if count >= most {
            return None;
        }
        counts.insert(address, count + 1);
        Some(Place { address, of: self.clone() })
    }

    fn counts(&self) -> MutexGuard<'_, HashMap<ClientAddress, usize>> {
        self.counts.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut counts = self.of.counts();
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
    fn places_are_limited_by_address_and_given_back() {
        let addresses = Addresses::default();
        let [one, other] = [1, 2].map(|last| ClientAddress::from(IpAddr::V4(Ipv4Addr::new(192, 0, 2, last))));
        let first = addresses.enter(one, 2).unwrap();
        let _second = addresses.enter(one, 2).unwrap();
        assert!(addresses.enter(one, 2).is_none());
        assert!(addresses.enter(one, usize::MAX).is_some(), "the limit is the caller's, and that place was given back");
        let elsewhere = addresses.enter(other, 2).unwrap();
        drop(first);
        assert!(addresses.enter(one, 2).is_some());
        drop(elsewhere);
        assert_eq!(addresses.counts().len(), 1, "an address without connections is forgotten");
    }
}
