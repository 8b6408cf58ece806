//! Identity and rooms of a connecting client, read from the database.

use std::sync::Arc;

use allynet_domain::{
    Error, EventId, UserId,
    usecase::{
        accounts::{self, Authenticated, authenticate, read_token, recall},
        emergencies,
        rooms::{Rooms, restore},
    },
};
use allynet_wire::{
    client::ClientAddress,
    scheduling::{Overflow, Priority, Requester, Scheduler, WorkPermit},
};

use crate::{
    hub::{attachment::RoomSnapshot, members::Identity, state::Hub},
    session::device::Device,
};

/// Reads the account of a connecting user, and the user's rooms.
pub(crate) struct AccessReader {
    accounts: accounts::AccountPorts,
    emergencies: emergencies::EmergencyPorts,
    hub: Arc<Hub<Device>>,
    scheduler: Arc<dyn Scheduler>,
}

impl AccessReader {
    pub(crate) fn new(
        accounts: accounts::AccountPorts,
        emergencies: emergencies::EmergencyPorts,
        hub: Arc<Hub<Device>>,
        scheduler: Arc<dyn Scheduler>,
    ) -> Self {
        Self { accounts, emergencies, hub, scheduler }
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
        address: Option<ClientAddress>,
    ) -> Result<(Identity, RoomSnapshot), Error> {
        let claims = read_token(&self.accounts, token)?;
        let permit = self.permit(claims.user, address).await;
        let Authenticated { actor, expires_at } = authenticate(&self.accounts, claims).await?;
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
        let permit = self.permit(identity.user, None).await;
        let actor = recall(&self.accounts, identity.session, identity.user).await?;
        let rooms = restore(&self.emergencies, &actor.account).await?;
        drop(permit);
        self.snapshot(read_after, rooms).await
    }

    /// Thousands of clients may reconnect at once. They take turns, so that a call for help does not wait behind all of
    /// them for a database connection.
    async fn permit(&self, user: UserId, address: Option<ClientAddress>) -> Option<WorkPermit> {
        let requester = Requester { user: Some(user), address };
        // Never refused: `Queued` waits.
        self.scheduler.acquire(requester, Priority::Normal, Overflow::Queued).await.ok()
    }

    async fn snapshot(&self, read_after: EventId, Rooms { rooms, as_of }: Rooms) -> Result<RoomSnapshot, Error> {
        self.hub.progress.catch_up_to(as_of).await?;
        Ok(RoomSnapshot { read_after, rooms })
    }
}
