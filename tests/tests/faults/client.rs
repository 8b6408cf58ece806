//! A minimal Socket.IO client (Engine.IO 4 over WebSocket) that behaves as documented: it stores the id of the last event and
//! passes it when it reconnects.
//!
//! Records every event, per connection. The checker decides what is right.

use std::{
    net::SocketAddr,
    sync::{Arc, Mutex},
    time::Duration,
};

use allynet_domain::{EmergencyId, Timestamp, UserId};
use allynet_tests::service::{node::Route, now, world::Person};
use futures_util::{SinkExt as _, StreamExt as _};
use serde_json::{Value, json};
use tokio::{
    net::{TcpSocket, TcpStream},
    sync::watch,
    task::JoinHandle,
    time::{sleep, timeout},
};
use tokio_tungstenite::{
    WebSocketStream, client_async,
    tungstenite::{Error, Message},
};

use crate::form::Chance;

/// A connection without data for this long is dead: the server sends a heartbeat every 25 s.
const READ_TIMEOUT: Duration = Duration::from_secs(45);
/// The maximum time to connect.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// The receive buffer of a client that will be stalled, in bytes.
const STALLED_RECEIVE_BUFFER: u32 = 4096;

/// The behaviour of a client.
#[derive(Debug, Clone)]
pub(crate) struct Manners {
    /// The maximum delay before a reconnection; drawn at random each time.
    pub(crate) jitter: Duration,
    /// Whether the receive buffer is small, so that the client can be stalled.
    pub(crate) small_window: bool,
}

impl Default for Manners {
    fn default() -> Self {
        Self { jitter: Duration::from_millis(500), small_window: false }
    }
}

/// Commands of the test to a client.
#[derive(Debug, Clone, Copy, Default)]
struct Order {
    /// Incremented to drop the connection without closing it.
    drops: u32,
    /// Whether the client stops reading.
    stalls: bool,
}

/// A received event.
#[derive(Debug, Clone)]
pub(crate) struct Heard {
    pub(crate) event: i64,
    pub(crate) name: String,
    pub(crate) emergency: Option<EmergencyId>,
    pub(crate) at: Timestamp,
}

/// One connection, from `session:ready` on.
#[derive(Debug, Clone)]
pub(crate) struct Session {
    /// The `lastEventId` that was handed over.
    pub(crate) last: Option<i64>,
    /// The last event according to `session:ready`.
    pub(crate) latest: i64,
    pub(crate) heard: Vec<Heard>,
    pub(crate) resynced: bool,
    pub(crate) local: SocketAddr,
    pub(crate) is_open: bool,
}

/// A failed attempt to connect.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Failed {
    /// The connection was refused or lost.
    Network,
    /// The answer was not a WebSocket upgrade.
    Status(u16),
    /// `connect_error`.
    Refused(String),
}

#[derive(Debug, Default)]
struct Record {
    sessions: Vec<Session>,
    failed: Vec<Failed>,
    last: Option<i64>,
}

/// A client of a user.
pub(crate) struct Client {
    pub(crate) user: UserId,
    record: Arc<Mutex<Record>>,
    orders: watch::Sender<Order>,
    task: JoinHandle<()>,
}

impl Client {
    /// Starts the `n`th client, which connects and reconnects by itself.
    pub(crate) fn start(person: &Person, n: usize, route: &Route, mut chance: Chance, manners: Manners) -> Self {
        let record = Arc::<Mutex<Record>>::default();
        let (orders, listening) = watch::channel(Order::default());
        let mut device =
            Device { token: person.token.clone(), manners, record: Arc::clone(&record), orders: listening };
        let route = route.clone();
        let task = tokio::spawn(async move {
            loop {
                let ended = device.connect(route.nth(n)).await;
                device.ended(ended);
                sleep(chance.between(Duration::from_millis(10), device.manners.jitter)).await;
            }
        });
        Self { user: person.id, record, orders, task }
    }

    /// Drops the connections of these clients at once, without closing them.
    pub(crate) fn drop_all(clients: &[Self]) {
        for client in clients {
            client.order(|order| order.drops += 1);
        }
    }

    /// Makes these clients stop reading, or read again.
    pub(crate) fn stall(clients: &[Self], stalls: bool) {
        for client in clients {
            client.order(|order| order.stalls = stalls);
        }
    }

    fn order(&self, change: impl FnOnce(&mut Order)) {
        self.orders.send_modify(change);
    }

    /// Whether the client is connected and has received `session:ready`.
    pub(crate) fn is_connected(&self) -> bool {
        self.record.lock().unwrap().sessions.last().is_some_and(|session| session.is_open)
    }

    /// All connections so far.
    pub(crate) fn sessions(&self) -> Vec<Session> {
        self.record.lock().unwrap().sessions.clone()
    }

    /// All failures to connect so far.
    pub(crate) fn failed(&self) -> Vec<Failed> {
        self.record.lock().unwrap().failed.clone()
    }
}

impl Drop for Client {
    fn drop(&mut self) {
        self.task.abort();
    }
}

struct Device {
    token: String,
    manners: Manners,
    record: Arc<Mutex<Record>>,
    orders: watch::Receiver<Order>,
}

type Socket = WebSocketStream<TcpStream>;

impl Device {
    async fn connect(&mut self, to: SocketAddr) -> Failed {
        match timeout(CONNECT_TIMEOUT, self.open(to)).await {
            Ok(Ok((socket, local))) => self.listen(socket, local).await,
            Ok(Err(failed)) => failed,
            Err(_) => Failed::Network,
        }
    }

    async fn open(&self, to: SocketAddr) -> Result<(Socket, SocketAddr), Failed> {
        let socket = TcpSocket::new_v4().map_err(|_| Failed::Network)?;
        if self.manners.small_window {
            socket.set_recv_buffer_size(STALLED_RECEIVE_BUFFER).unwrap();
        }
        let tcp = socket.connect(to).await.map_err(|_| Failed::Network)?;
        let local = tcp.local_addr().map_err(|_| Failed::Network)?;
        let url = format!("ws://{to}/socket.io/?EIO=4&transport=websocket");
        let (mut socket, _) = client_async(url, tcp).await.map_err(|error| match error {
            Error::Http(answer) => Failed::Status(answer.status().as_u16()),
            _ => Failed::Network,
        })?;
        let last = self.record.lock().unwrap().last;
        let auth = json!({ "token": self.token, "lastEventId": last });
        socket.send(Message::text(format!("40/emergencies,{auth}"))).await.map_err(|_| Failed::Network)?;
        Ok((socket, local))
    }

    async fn listen(&mut self, mut socket: Socket, local: SocketAddr) -> Failed {
        let drops = self.orders.borrow().drops;
        loop {
            if self.orders.borrow().drops != drops {
                return Failed::Network;
            }
            if self.orders.borrow().stalls {
                if self.orders.changed().await.is_err() {
                    return Failed::Network;
                }
                continue;
            }
            let message = tokio::select! {
                message = timeout(READ_TIMEOUT, socket.next()) => message,
                _ = self.orders.changed() => continue,
            };
            let Ok(Some(Ok(message))) = message else { return Failed::Network };
            let Ok(text) = message.to_text() else { return Failed::Network };
            let answer = match self.hear(text, local) {
                Ok(answer) => answer,
                Err(failed) => return failed,
            };
            if let Some(answer) = answer
                && socket.send(Message::text(answer)).await.is_err()
            {
                return Failed::Network;
            }
        }
    }

    /// Handles a packet; returns the reply, if one is needed.
    fn hear(&self, packet: &str, local: SocketAddr) -> Result<Option<String>, Failed> {
        if packet == "2" {
            return Ok(Some("3".to_owned()));
        }
        if let Some(refusal) = packet.strip_prefix("44/emergencies,") {
            return Err(Failed::Refused(refusal.to_owned()));
        }
        if packet == "1" || packet.starts_with("41") {
            return Err(Failed::Network);
        }
        let Some(rest) = packet.strip_prefix("42/emergencies,") else { return Ok(None) };
        let (acknowledgement, body) = rest.split_at(rest.find('[').unwrap());
        let (name, payload): (String, Value) = serde_json::from_str(body).unwrap();
        self.keep(name, &payload, local);
        Ok((!acknowledgement.is_empty()).then(|| format!("43/emergencies,{acknowledgement}[]")))
    }

    fn keep(&self, name: String, payload: &Value, local: SocketAddr) {
        let mut record = self.record.lock().unwrap();
        let record = &mut *record;
        if name == "session:ready" {
            let latest = payload["latestEventId"].as_i64().unwrap();
            let session =
                Session { last: record.last, latest, heard: Vec::new(), resynced: false, local, is_open: true };
            record.sessions.push(session);
            // From here on no event may be missed, even if the connection is lost before the first one.
            record.last = record.last.or(Some(latest));
            return;
        }
        let Some(session) = record.sessions.last_mut() else { return };
        session.resynced |= name == "session:resync";
        let Some(event) = payload["eventId"].as_i64() else { return };
        let emergency = payload["emergencyId"].as_str().or_else(|| payload["emergency"]["id"].as_str());
        let emergency = emergency.and_then(|id| id.parse().ok());
        session.heard.push(Heard { event, name, emergency, at: now() });
        record.last = Some(event);
    }

    fn ended(&self, failed: Failed) {
        let mut record = self.record.lock().unwrap();
        match record.sessions.last_mut() {
            Some(session) if session.is_open => session.is_open = false,
            _ => record.failed.push(failed),
        }
    }
}
