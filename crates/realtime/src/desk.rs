//! What every part of the adapter shares: the ports, the connections of this node, and how a failure is told.

use std::{error::Error as StdError, sync::Arc};

use allynet_domain::{Error, NodeId, UserId, port, usecase};
use allynet_projections::OpenEmergencies;
use allynet_transport::Connections;
use allynet_wire::{limits::Limits, origin::Origins, socket::Failure};
use tokio::sync::Semaphore;

use crate::{
    hub::archive::Archive, hub::state::Hub, metrics::Measures, outbound::acknowledgements::Acknowledgements,
    session::connection_permits::Addresses, session::device::Device, tasks::presence::PresenceTask, tracking::Tracking,
};

/// Told of everybody who came online or went on duty; returns at once.
pub type Sighted = Arc<dyn Fn(UserId) + Send + Sync>;

/// What the adapter asks of the domain.
#[derive(Clone)]
pub struct Ports {
    /// Who calls.
    pub accounts: usecase::accounts::AccountPorts,
    /// Who may enter which room.
    pub emergencies: usecase::emergencies::EmergencyPorts,
    /// Where somebody is.
    pub helpers: usecase::helpers::HelperPorts,
    /// Emergencies that have not ended.
    pub open_emergencies: Arc<OpenEmergencies>,
    /// Looks for what waits near somebody.
    pub sighted: Sighted,
    /// Positions of helpers on their way.
    pub tracking: Arc<Tracking>,
    /// This node.
    pub node: NodeId,
    /// The way to the other nodes.
    pub signals: Arc<dyn port::Signals>,
    /// What happened.
    pub log: Arc<dyn port::EventLog>,
    /// The time.
    pub clock: Arc<dyn port::Clock>,
    /// What clients may do how often.
    pub limits: Limits,
}

/// The shared state of one Socket.IO service.
pub(crate) struct Desk {
    pub(crate) ports: Ports,
    pub(crate) origins: Origins,
    pub(crate) hub: Arc<Hub<Device>>,
    pub(crate) archive: Archive,
    pub(crate) acknowledgements: Acknowledgements,
    /// How many connections may ask the database at once who they are.
    pub(crate) entering: Semaphore,
    pub(crate) presence: PresenceTask,
    pub(crate) connections: Connections,
    pub(crate) measures: Arc<Measures>,
    pub(crate) addresses: Addresses,
}

/// How a failure is told to a client. A fault of ours is logged with its causes, here and nowhere else.
pub(crate) fn explain(error: &Error, doing: &str) -> Failure {
    log_fault(error, doing);
    Failure::from(error)
}

/// Logs what is a fault of ours, and not a rule that said no.
pub(crate) fn log_fault(error: &Error, doing: &str) {
    if let Error::Port(error) = error {
        tracing::error!(error = error as &dyn StdError, doing, "a port failed");
    }
}
