//! Whether the client of a session has shown a valid token, and what is held until it has.

use std::{any::Any, fmt};

use parking_lot::Mutex;
use tokio_util::sync::CancellationToken;

/// Trust in the client of one session, in the extensions of the request that opened it.
#[derive(Default)]
pub struct SessionTrust {
    is_authenticated: CancellationToken,
    held: Mutex<Option<Box<dyn Any + Send>>>,
}

impl SessionTrust {
    /// Holds a value, such as a permit, until the client authenticates or the session ends. Replaces an earlier one.
    pub fn hold_until_authenticated(&self, value: impl Any + Send) {
        let mut held = self.held.lock();
        if !self.is_authenticated.is_cancelled() {
            *held = Some(Box::new(value));
        }
    }

    /// Whether a value is held.
    pub fn is_holding(&self) -> bool {
        self.held.lock().is_some()
    }

    /// Whether the client has shown a valid token.
    pub fn is_authenticated(&self) -> bool {
        self.is_authenticated.is_cancelled()
    }

    /// Completes when the client has shown a valid token.
    pub async fn authenticated(&self) {
        self.is_authenticated.cancelled().await;
    }

    /// Records that the client has shown a valid token.
    pub(crate) fn authenticate(&self) {
        let mut held = self.held.lock();
        self.is_authenticated.cancel();
        let released = held.take();
        drop(held);
        drop(released);
    }
}

impl fmt::Debug for SessionTrust {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SessionTrust").field("is_authenticated", &self.is_authenticated()).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;

    #[test]
    fn what_is_held_is_dropped_when_the_client_authenticates() {
        let (trust, permit) = (SessionTrust::default(), Arc::new(()));
        trust.hold_until_authenticated(Arc::clone(&permit));
        assert!(trust.is_holding());
        trust.authenticate();
        assert_eq!(Arc::strong_count(&permit), 1);
        trust.hold_until_authenticated(Arc::clone(&permit));
        assert_eq!(Arc::strong_count(&permit), 1, "too late to be held");
    }
}
