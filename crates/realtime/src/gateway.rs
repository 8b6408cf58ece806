//! Puts the namespace together: the Socket.IO service with its limits, the handlers, and what the server needs to
//! know of both.

use std::{sync::Arc, time::Duration};

use allynet_domain::port;
use allynet_projections::ClusterPresence;
use allynet_transport::{Connections, SessionTrackingService};
use allynet_wire::origin::Origins;
use engineioxide::service::NotFoundService;
use parking_lot::Mutex;
use socketioxide::{
    SocketIo,
    extract::{SocketRef, State},
    handler::ConnectHandler as _,
    service::SocketIoService,
};
use tokio::sync::Semaphore;

use crate::{
    desk::{Desk, Ports},
    engine::NAMESPACE,
    hub::archive::Archive,
    hub::state::Hub,
    inbound::handshake,
    metrics::Measures,
    outbound::acknowledgements::Acknowledgements,
    outbound::dispatcher::Dispatcher,
    presence::NodePresence,
    session::connection_permits::Addresses,
    session::device::Session,
    tasks::presence::PresenceTask,
};

/// The largest packet that a client may send, as Engine.IO announces it.
const MAX_PAYLOAD: usize = 65_536;
/// What is read at once of a WebSocket. Most of what clients send is shorter, and each connection has one.
const READ_BUFFER: usize = 512;
/// The most packets that wait for one client in the queue of its transport, which grows only as it fills. How many bytes
/// they may have together is limited before ([`MAX_QUEUED_BYTES`](allynet_transport::MAX_QUEUED_BYTES)).
const QUEUE: usize = 1024;
/// How many connections may ask the database at once who they are: less than half of what it has for everybody.
const ENTERING: usize = 6;
/// How long a device may take to acknowledge an alert; after that it is alerted again.
const ACKNOWLEDGEMENT: Duration = Duration::from_mins(1);

/// The Socket.IO service, to be mounted at [`SOCKET_IO_PATH`](allynet_transport::SOCKET_IO_PATH).
pub type SocketService = SessionTrackingService<SocketIoService<NotFoundService>>;

/// The connections of this node, as the server sees them. A clone refers to the same ones.
#[derive(Clone)]
pub struct Gateway {
    desk: Arc<Desk>,
}

/// Makes the namespace: the service, a handle to its connections, and the dispatcher, without which nobody is let in.
pub fn gateway(ports: Ports, origins: Origins) -> (SocketService, Gateway, Dispatcher) {
    let connections = Connections::new();
    let (hub, archive, acknowledgements) = (Arc::new(Hub::new()), Archive::default(), Acknowledgements::new());
    let presence = PresenceTask {
        cluster: Arc::new(Mutex::new(ClusterPresence::new(ports.node))),
        hub: hub.clone(),
        open: ports.open_emergencies.clone(),
        signals: ports.signals.clone(),
        clock: ports.clock.clone(),
    };
    let desk = Arc::new(Desk {
        ports,
        origins,
        hub,
        archive,
        acknowledgements,
        entering: Semaphore::new(ENTERING),
        presence,
        connections: connections.clone(),
        addresses: Addresses::default(),
        measures: Arc::new(Measures::new()),
    });
    let (service, io) = SocketIo::builder()
        .req_path("/socket.io")
        .ping_interval(Duration::from_secs(25))
        .ping_timeout(Duration::from_secs(20))
        .connect_timeout(Duration::from_secs(10))
        .upgrade_timeout(Duration::from_secs(10))
        .ack_timeout(ACKNOWLEDGEMENT)
        .max_payload(MAX_PAYLOAD as u64)
        .ws_read_buffer_size(READ_BUFFER)
        .ws_max_message_size(MAX_PAYLOAD)
        .ws_max_frame_size(MAX_PAYLOAD)
        .max_buffer_size(QUEUE)
        .with_state(Arc::clone(&desk))
        .build_svc();
    io.ns(NAMESPACE.path(), enter.with(handshake::admit));
    // Clients may connect to the main namespace; nothing is delivered there.
    io.ns("/", (async || {}).with(handshake::admit_to_lobby));
    (SessionTrackingService::new(service, connections), Gateway { desk: Arc::clone(&desk) }, Dispatcher::new(desk))
}

/// Attaches a connection. A helper who was away may be needed where nobody has answered yet.
async fn enter(socket: SocketRef, State(desk): State<Arc<Desk>>) {
    handshake::enter(socket.clone(), State(Arc::clone(&desk))).await;
    if let Some(session) = socket.extensions.get::<Arc<Session>>() {
        (desk.ports.sighted)(session.identity.user);
    }
}

impl Gateway {
    /// Who is connected, to whichever node.
    pub fn presence(&self) -> Arc<dyn port::Presence> {
        let PresenceTask { cluster, hub, clock, .. } = &self.desk.presence;
        Arc::new(NodePresence::new(hub.clone(), cluster.clone(), clock.clone()))
    }

    /// Whether the log is followed, so that what happens reaches the sockets of this node.
    pub fn is_following(&self) -> bool {
        self.desk.hub.is_following()
    }

    /// Comes back when the log is followed for the first time: what is committed from then on is seen by this node.
    pub async fn until_following(&self) {
        self.desk.hub.mark().await;
    }

    /// Notes how many sockets and rooms there are, for who asks for what is measured.
    pub fn measure(&self) {
        self.desk.measures.counted(&self.desk.hub.count());
    }

    /// Lets nobody in any more and takes nothing more, lets what is being done for clients end and tells them so, closes
    /// all sockets, and waits until they are gone; for each of both not longer than `limit`.
    pub async fn drain(&self, limit: Duration) {
        let devices = self.desk.hub.close();
        for device in &devices {
            device.session.inbox.close();
        }
        if tokio::time::timeout(limit, self.desk.measures.inboxes.work.end()).await.is_err() {
            tracing::warn!("some of what clients asked for did not end in time");
        }
        for device in &devices {
            device.cut();
        }
        if tokio::time::timeout(limit, self.desk.hub.emptied()).await.is_err() {
            tracing::warn!("some sockets did not close in time");
        }
    }
}
