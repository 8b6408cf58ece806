//! Assembly of the namespace: the Socket.IO service with its limits, its handlers, and its background tasks.

use std::{sync::Arc, time::Duration};

use allynet_domain::{EventId, LostEvents, NodeId, outbox, port, usecase};
use allynet_projections::{ClusterPresence, OpenEmergencies};
use allynet_transport::{Connections, SessionTrackingService};
use allynet_wire::{limits::Limits, origin::Origins, scheduling::Scheduler};
use engineioxide::service::NotFoundService;
use parking_lot::Mutex;
use socketioxide::{SocketIo, handler::ConnectHandler as _, service::SocketIoService};
use tokio::sync::mpsc;

use crate::{
    engine::NAMESPACE,
    hub::{archive::Archive, state::Hub},
    inbound::{
        access::AccessReader,
        admission::AdmissionControl,
        attach::{self, Attacher},
        event_router::EventRouter,
        handshake::{self, Handshake},
        location::LocationHandler,
        rooms::RoomHandler,
    },
    metrics::Metrics,
    outbound::{
        acknowledgements::Acknowledgements,
        alert_counts::AlertCountSchedule,
        dispatcher::{Dispatcher, OnAppeared},
        missed_events::MissedEvents,
        place_readings::PlaceReadings,
        replay::Replayer,
    },
    owner_tracking::OwnerTracking,
    presence::NodePresence,
    session::{connection_permits::ConnectionPermits, device::Device, in_flight::InFlight},
    tasks::{presence::PresenceTask, runner::RealtimeTasks},
    tracking::Tracking,
};

/// Maximum size of a packet from a client in bytes, as Engine.IO announces it.
const MAX_PAYLOAD: usize = 65_536;
/// Size of a WebSocket's read buffer in bytes. Most packets of clients are shorter, and each connection has one.
const READ_BUFFER_SIZE: usize = 512;
/// Maximum number of packets in the transport's queue of one client, which grows only as it fills.
///
/// Their total size has a limit of its own: [`MAX_QUEUED_BYTES`](allynet_transport::MAX_QUEUED_BYTES).
const MAX_QUEUED_PACKETS: usize = 1024;
/// How long a device may take to acknowledge an alert; after that it is alerted again.
const ACKNOWLEDGEMENT_TIMEOUT: Duration = Duration::from_mins(1);

/// The Socket.IO service, to be mounted at [`SOCKET_IO_PATH`](allynet_transport::SOCKET_IO_PATH).
pub type SocketService = SessionTrackingService<SocketIoService<NotFoundService>>;

/// The ports, projections and settings that the gateway is built from.
#[derive(Clone)]
pub struct GatewayPorts {
    /// Authentication.
    pub accounts: usecase::accounts::AccountPorts,
    /// Emergencies and the rooms of users.
    pub emergencies: usecase::emergencies::EmergencyPorts,
    /// Positions of users.
    pub helpers: usecase::helpers::HelperPorts,
    /// Emergencies that have not ended. The gateway applies the events of the log to it.
    pub open_emergencies: Arc<OpenEmergencies>,
    /// Positions of helpers on their way.
    pub tracking: Arc<Tracking>,
    /// Positions of owners whose emergency follows them.
    pub owners: Arc<OwnerTracking>,
    /// Called with each user who connects, goes on duty, or is available again.
    pub on_appeared: OnAppeared,
    /// The id of this node.
    pub node: NodeId,
    /// Signals to and from other nodes.
    pub signals: Arc<dyn port::Signals>,
    /// The event log.
    pub log: Arc<dyn port::EventLog>,
    /// Ranges of numbers in the log that no event has, because the database was restored.
    pub lost: Vec<LostEvents>,
    /// The clock.
    pub clock: Arc<dyn port::Clock>,
    /// Limits of clients.
    pub limits: Limits,
    /// Maximum number of sessions of one address whose clients have not shown a valid token.
    pub anonymous_per_address: usize,
    /// The order of events, among all requests.
    pub scheduler: Arc<dyn Scheduler>,
}

/// The connections of this node, as seen by the server. Clones refer to the same connections.
#[derive(Clone)]
pub struct Gateway {
    hub: Arc<Hub<Device>>,
    cluster: Arc<Mutex<ClusterPresence>>,
    clock: Arc<dyn port::Clock>,
    in_flight: InFlight,
    metrics: Arc<Metrics>,
}

/// Builds the namespace: the service, a handle to its connections, and the background tasks, without which no
/// connection is attached.
pub fn gateway(ports: GatewayPorts, origins: Origins) -> (SocketService, Gateway, RealtimeTasks) {
    let (connections, hub) = (Connections::new(), Arc::new(Hub::new()));
    let gateway = Gateway {
        hub: hub.clone(),
        cluster: Arc::new(Mutex::new(ClusterPresence::new(ports.node))),
        clock: ports.clock.clone(),
        in_flight: InFlight::default(),
        metrics: Arc::new(Metrics::new()),
    };
    let archive = Arc::new(Archive::default());
    let (acknowledgements, receipts) = Acknowledgements::new(ports.clock.clone(), gateway.metrics.clone());
    let (log, lost) = (ports.log.clone(), ports.lost.clone());
    let missed = MissedEvents { hub: hub.clone(), log, clock: ports.clock.clone(), archive: archive.clone(), lost };
    let (acks, metrics, places) = (acknowledgements.clone(), gateway.metrics.clone(), ports.emergencies.rules.places);
    let readings = Arc::new(PlaceReadings::new(ports.clock.clone()));
    let shown = readings.clone();
    let replayer = Arc::new(Replayer { missed, hub, acknowledgements: acks, places, readings: shown, metrics });
    let (accounts, emergencies, scheduler) =
        (ports.accounts.clone(), ports.emergencies.clone(), ports.scheduler.clone());
    let access = Arc::new(AccessReader::new(accounts, emergencies, gateway.hub.clone(), scheduler));
    let handshake = handshake(&ports, origins, &gateway, (&access, &replayer, &connections));
    let attacher = attacher(&ports, &gateway, access, replayer);
    let tasks = tasks(ports, &gateway, (archive, readings), (acknowledgements, receipts));
    (socket_service(handshake, attacher, connections), gateway, tasks)
}

fn handshake(
    ports: &GatewayPorts,
    origins: Origins,
    gateway: &Gateway,
    (access, replayer, connections): (&Arc<AccessReader>, &Arc<Replayer>, &Connections),
) -> Handshake {
    Handshake {
        origins,
        access: access.clone(),
        anonymous_per_address: ports.anonymous_per_address,
        permits: ConnectionPermits::default(),
        events: Arc::new(event_router(ports, &gateway.hub, replayer.clone())),
        hub: gateway.hub.clone(),
        connections: connections.clone(),
        in_flight: gateway.in_flight.clone(),
        metrics: gateway.metrics.clone(),
    }
}

fn event_router(ports: &GatewayPorts, hub: &Arc<Hub<Device>>, replayer: Arc<Replayer>) -> EventRouter {
    let admission = Arc::new(AdmissionControl { limits: ports.limits.clone(), hub: hub.clone() });
    let rooms = RoomHandler {
        accounts: ports.accounts.clone(),
        emergencies: ports.emergencies.clone(),
        log: ports.log.clone(),
        hub: hub.clone(),
        limits: ports.limits.clone(),
        scheduler: ports.scheduler.clone(),
    };
    let (helpers, clock) = (ports.helpers.clone(), ports.clock.clone());
    let locations = Arc::new(LocationHandler { helpers, admission: admission.clone(), clock });
    EventRouter { admission, rooms, locations, hub: hub.clone(), replayer }
}

fn attacher(ports: &GatewayPorts, gateway: &Gateway, access: Arc<AccessReader>, replayer: Arc<Replayer>) -> Attacher {
    Attacher {
        access,
        limits: ports.limits.clone(),
        hub: gateway.hub.clone(),
        replayer,
        on_appeared: ports.on_appeared.clone(),
        clock: ports.clock.clone(),
        in_flight: gateway.in_flight.clone(),
    }
}

fn tasks(
    ports: GatewayPorts,
    gateway: &Gateway,
    (archive, readings): (Arc<Archive>, Arc<PlaceReadings>),
    (acknowledgements, receipts): (Acknowledgements, mpsc::Receiver<usecase::alerts::Receipt>),
) -> RealtimeTasks {
    let presence = PresenceTask {
        cluster: gateway.cluster.clone(),
        hub: gateway.hub.clone(),
        open: ports.open_emergencies.clone(),
        signals: ports.signals,
        clock: ports.clock.clone(),
    };
    let dispatcher = Dispatcher {
        log: ports.log,
        hub: gateway.hub.clone(),
        archive,
        acknowledgements,
        alert_counts: AlertCountSchedule::default(),
        open_emergencies: ports.open_emergencies,
        tracking: ports.tracking,
        owners: ports.owners,
        readings,
        on_appeared: ports.on_appeared,
        places: ports.emergencies.rules.places,
        clock: ports.clock,
        metrics: gateway.metrics.clone(),
        observer: None,
    };
    RealtimeTasks { dispatcher, presence, receipts, emergencies: ports.emergencies }
}

fn socket_service(handshake: Handshake, attacher: Attacher, connections: Connections) -> SocketService {
    let (service, io) = SocketIo::builder()
        .req_path("/socket.io")
        .ping_interval(Duration::from_secs(25))
        .ping_timeout(Duration::from_secs(20))
        .connect_timeout(Duration::from_secs(10))
        .upgrade_timeout(Duration::from_secs(10))
        .ack_timeout(ACKNOWLEDGEMENT_TIMEOUT)
        .max_payload(MAX_PAYLOAD as u64)
        .ws_read_buffer_size(READ_BUFFER_SIZE)
        .ws_max_message_size(MAX_PAYLOAD)
        .ws_max_frame_size(MAX_PAYLOAD)
        .max_buffer_size(MAX_QUEUED_PACKETS)
        .with_state(Arc::new(handshake))
        .with_state(Arc::new(attacher))
        .build_svc();
    io.ns(NAMESPACE.path(), attach::attach.with(handshake::admit));
    // Official clients may connect to the main namespace first; nothing is delivered there.
    io.ns("/", (async || {}).with(handshake::admit_to_main));
    SessionTrackingService::new(service, connections)
}

impl Gateway {
    /// The presence of users on all nodes.
    pub fn presence(&self) -> Arc<dyn port::Presence> {
        Arc::new(NodePresence::new(self.hub.clone(), self.cluster.clone(), self.clock.clone()))
    }

    /// How users are connected, for the sender of messages.
    pub fn connections(&self) -> Arc<dyn outbox::Connections> {
        Arc::new(NodePresence::new(self.hub.clone(), self.cluster.clone(), self.clock.clone()))
    }

    /// Whether the log is followed, so that events reach the connections of this node.
    pub fn is_following(&self) -> bool {
        self.hub.progress.is_following()
    }

    /// Waits until the log is followed for the first time: this node sees all that is committed from then on.
    pub async fn until_following(&self) {
        self.hub.progress.until_open().await;
    }

    /// The number of the newest event that this node has seen. Waits until the log is followed.
    pub async fn newest_event(&self) -> EventId {
        self.hub.position().await
    }

    /// Updates the gauges of sockets and rooms, before metrics are rendered.
    pub fn measure(&self) {
        self.metrics.set_counts(&self.hub.counts());
    }

    /// Shuts down: refuses new connections and events, waits for work in progress and for its answers, closes all
    /// sockets, and waits until they are gone.
    ///
    /// Each of the two waits lasts at most `limit`.
    pub async fn drain(&self, limit: Duration) {
        let devices = self.hub.close();
        for device in &devices {
            device.session.inbox.close();
        }
        if tokio::time::timeout(limit, self.in_flight.finish()).await.is_err() {
            tracing::warn!("shutdown: client events still in progress after {limit:?}");
        }
        for device in &devices {
            device.cut();
        }
        if tokio::time::timeout(limit, self.hub.until_empty()).await.is_err() {
            tracing::warn!("shutdown: sockets still open after {limit:?}");
        }
    }
}
