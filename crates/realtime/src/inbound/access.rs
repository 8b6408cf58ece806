//! Identity and rooms of a connecting client, read from the database.

use std::sync::Arc;

use allynet_domain::{
    Error, EventId,
    usecase::{
        accounts::{self, Authenticated, authenticate, recall},
        emergencies,
        rooms::{Rooms, restore},
    },
};
use tokio::sync::{Semaphore, SemaphorePermit};

use crate::{
    hub::{attachment::RoomSnapshot, members::Identity, state::Hub},
    session::device::Device,
};

/// Number of connections whose identity may be read at the same time: less than half of the database connections.
const MAX_CONCURRENT_READS: usize = 6;

/// Reads the account of a connecting user, and the user's rooms.
pub(crate) struct AccessReader {
    accounts: accounts::AccountPorts,
    emergencies: emergencies::EmergencyPorts,
    hub: Arc<Hub<Device>>,
    /// Thousands of clients may reconnect at once. They take turns, so that a call for help does not wait behind all of
    /// them for a database connection.
    permits: Semaphore,
}

impl AccessReader {
    pub(crate) fn new(
        accounts: accounts::AccountPorts,
        emergencies: emergencies::EmergencyPorts,
        hub: Arc<Hub<Device>>,
    ) -> Self {
        Self { accounts, emergencies, hub, permits: Semaphore::new(MAX_CONCURRENT_READS) }
    }

    /// Whether a token is signed by the service and has not expired. Its session may have ended.
    pub(crate) fn is_signed(&self, token: &str) -> bool {
        self.accounts.tokens.read_access(token, self.accounts.clock.now()).is_ok()
    }

    /// Reads the identity and the rooms of the bearer of a token. Begins after this node has seen `read_after`.
    ///
    /// # Errors
    ///
    /// Those of authentication; `Unavailable` if this node is too far behind the log.
    pub(crate) async fn authenticate(
        &self,
        read_after: EventId,
        token: &str,
    ) -> Result<(Identity, RoomSnapshot), Error> {
        let permit = self.permit().await;
        let Authenticated { actor, expires_at } = authenticate(&self.accounts, token).await?;
        let rooms = restore(&self.emergencies, &actor.account).await?;
        drop(permit);
        let snapshot = self.snapshot(read_after, rooms).await?;
        let administers = actor.account.is_admin();
        Ok((Identity { user: actor.id(), session: actor.session, administers, expires_at }, snapshot))
    }

    /// Reads the rooms of an authenticated user again.
    ///
    /// # Errors
    ///
    /// As [`authenticate`](Self::authenticate).
    pub(crate) async fn read_again(&self, identity: &Identity) -> Result<RoomSnapshot, Error> {
        let read_after = self.hub.position().await;
        let permit = self.permit().await;
        let actor = recall(&self.accounts, identity.session, identity.user).await?;
        let rooms = restore(&self.emergencies, &actor.account).await?;
        drop(permit);
        self.snapshot(read_after, rooms).await
    }

    async fn permit(&self) -> Option<SemaphorePermit<'_>> {
        // An error would mean that the semaphore was closed, which it never is.
        self.permits.acquire().await.ok()
    }

    async fn snapshot(&self, read_after: EventId, Rooms { rooms, as_of }: Rooms) -> Result<RoomSnapshot, Error> {
        self.hub.progress.catch_up_to(as_of).await?;
        Ok(RoomSnapshot { read_after, rooms })
    }
}
