//! The permit of a request to be carried out, which the scheduler of the process gives.

use std::{fmt, sync::Arc};

use allynet_domain::UserId;
use allynet_wire::{
    client::ClientAddress,
    scheduling::{Overflow, Priority, Requester, Scheduler, WorkPermit, of_request},
};
use axum::extract::{MatchedPath, Request};
use parking_lot::Mutex;

use crate::answer::Failure;

/// The permit of one request, in its extensions. Clones share it; the last one that is dropped returns it.
#[derive(Clone)]
pub(crate) struct RequestPermit(Arc<Inner>);

struct Inner {
    scheduler: Arc<dyn Scheduler>,
    requester: Requester,
    priority: Priority,
    overflow: Overflow,
    permit: Mutex<Option<WorkPermit>>,
}

impl RequestPermit {
    /// Without a permit yet, for this request, which is of this user if it has a valid token.
    pub(crate) fn new(scheduler: Arc<dyn Scheduler>, request: &Request, user: Option<UserId>) -> Self {
        let path = request.extensions().get::<MatchedPath>().map_or("", MatchedPath::as_str);
        let (priority, overflow) = of_request(request.method().as_str(), path);
        let address = request.extensions().get::<ClientAddress>().copied();
        let (requester, permit) = (Requester { user, address }, Mutex::new(None));
        Self(Arc::new(Inner { scheduler, requester, priority, overflow, permit }))
    }

    /// The same for a request without a token, which is counted by its address.
    ///
    /// It waits however many others do: many phones behind one address may come back at once.
    pub(crate) fn anonymous(scheduler: Arc<dyn Scheduler>, request: &Request) -> Self {
        let requester = Requester { user: None, address: request.extensions().get::<ClientAddress>().copied() };
        let (priority, overflow, permit) = (Priority::Normal, Overflow::Queued, Mutex::new(None));
        Self(Arc::new(Inner { scheduler, requester, priority, overflow, permit }))
    }

    pub(crate) fn priority(&self) -> Priority {
        self.0.priority
    }

    /// Lets others go ahead, for a wait in which this request uses nothing that is scarce.
    pub(crate) fn release(&self) {
        // Dropped without the lock.
        let permit = self.0.permit.lock().take();
        drop(permit);
    }

    /// Waits until the request may be carried out.
    pub(crate) async fn acquire(&self) -> Result<(), Failure> {
        let Inner { scheduler, requester, priority, overflow, permit } = &*self.0;
        let acquired = scheduler.acquire(*requester, *priority, *overflow).await;
        let acquired = acquired.map_err(|full| Failure::rate_limited(full.retry_after))?;
        *permit.lock() = Some(acquired);
        Ok(())
    }
}

impl fmt::Debug for RequestPermit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RequestPermit").field("requester", &self.0.requester).finish_non_exhaustive()
    }
}
