//! Answers which users are online: the port `Presence` over the connections of this node and the cluster.

use std::sync::Arc;

use allynet_domain::{Room, SessionId, Timestamp, UserId, outbox::Connections, port};
use allynet_projections::ClusterPresence;
use parking_lot::Mutex;

use crate::{hub::state::Hub, session::device::Device};

/// The presence of users as this node knows it.
///
/// A connection to this node counts at once, before it is announced; one to another node as soon as its announcement has
/// come.
pub(crate) struct NodePresence {
    hub: Arc<Hub<Device>>,
    cluster: Arc<Mutex<ClusterPresence>>,
    clock: Arc<dyn port::Clock>,
}

impl NodePresence {
    pub(crate) fn new(
        hub: Arc<Hub<Device>>,
        cluster: Arc<Mutex<ClusterPresence>>,
        clock: Arc<dyn port::Clock>,
    ) -> Self {
        Self { hub, cluster, clock }
    }
}

impl Connections for NodePresence {
    fn has_connection(&self, user: UserId, session: SessionId) -> bool {
        self.hub.devices_in(Room::User(user)).iter().any(|device| device.session.identity.session == session)
    }

    fn is_connected(&self, user: UserId) -> bool {
        let now = self.clock.now();
        self.hub.is_online(user) || self.cluster.lock().last_seen(user, now) == Some(now)
    }
}

impl port::Presence for NodePresence {
    fn is_online(&self, user: UserId) -> bool {
        self.hub.is_online(user) || self.cluster.lock().is_online(user)
    }

    fn last_seen(&self, user: UserId) -> Option<Timestamp> {
        let now = self.clock.now();
        if self.hub.is_online(user) { Some(now) } else { self.cluster.lock().last_seen(user, now) }
    }

    fn helpers_online(&self) -> u32 {
        let mut helpers = self.cluster.lock().helpers_on_other_nodes();
        helpers.extend(self.hub.helpers());
        u32::try_from(helpers.len()).unwrap_or(u32::MAX)
    }
}
