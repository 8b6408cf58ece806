//! Writer of one session: writes a packet as a finished frame where no other packet has to be written before it, else
//! puts it into the queue of the engine. Packets keep their order either way, and at most [`MAX_QUEUED_BYTES`] wait for
//! a client.
//!
//! Order rests on every packet of the session going through here.

use std::sync::{
    Arc, OnceLock,
    atomic::{AtomicBool, Ordering},
};

use parking_lot::{Mutex, MutexGuard};

use crate::{
    connections::Connections,
    engine::EngineSession,
    packet::Packet,
    queued_bytes::QueuedBytes,
    socket_writer::{MAX_QUEUED_BYTES, SocketWriter, WriteOutcome},
};

/// The reason for which a packet was not written or queued.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WriteError<E> {
    /// More than [`MAX_QUEUED_BYTES`] would wait for the client.
    Full,
    /// The engine did not take it.
    Engine(E),
}

/// Writer of one session.
///
/// The methods that send take an `enqueue` closure which puts the same packet into the queue of the engine. It is called at
/// most once, synchronously, and only where the packet cannot be written directly.
#[derive(Debug)]
pub struct SessionWriter {
    connections: Connections,
    /// Writer of the session's connection, once that is a WebSocket.
    socket: OnceLock<Arc<SocketWriter>>,
    /// Held while a packet is queued for a session that polls, so that no other thread finds the WebSocket meanwhile and
    /// overtakes that packet.
    polling: Mutex<()>,
    queued: Arc<QueuedBytes>,
    /// The first packet was queued. What the engine sends before that is not known here.
    is_open: AtomicBool,
    is_closed: AtomicBool,
}

impl SessionWriter {
    /// Writer of a session that has not been sent anything in its namespace yet.
    pub fn new(connections: &Connections, session: &impl EngineSession) -> Self {
        let queued = Arc::default();
        connections.track_polls(session, &queued);
        Self {
            connections: connections.clone(),
            socket: OnceLock::new(),
            polling: Mutex::default(),
            queued,
            is_open: AtomicBool::new(false),
            is_closed: AtomicBool::new(false),
        }
    }

    /// Sends the first packet of the session. Its payload MUST be unique on the transport: it marks where the session begins
    /// in the queue of the engine.
    pub fn send_first<E>(
        &self,
        session: &impl EngineSession,
        packet: &Packet,
        enqueue: impl FnOnce() -> Result<(), E>,
    ) -> Result<(), WriteError<E>> {
        match self.socket(session) {
            Ok(socket) => socket.enqueue_first(&packet.payload(), enqueue).map_err(WriteError::Engine)?,
            Err(polling) => self.enqueue_for_poll(&polling, packet, enqueue)?,
        }
        self.is_open.store(true, Ordering::Release);
        Ok(())
    }

    /// Sends a packet. `is_unique` says that no other packet on the transport has the same payload, as is the case for an
    /// event that contains its number.
    pub fn send<E>(
        &self,
        session: &impl EngineSession,
        packet: &Packet,
        is_unique: bool,
        enqueue: impl FnOnce() -> Result<(), E>,
    ) -> Result<(), WriteError<E>> {
        match self.socket(session) {
            Ok(socket) if self.is_open.load(Ordering::Acquire) => {
                match socket.write_frames(packet.frame(), || self.is_closed()) {
                    WriteOutcome::Accepted => Ok(()),
                    WriteOutcome::Full => Err(WriteError::Full),
                    WriteOutcome::MustQueue => enqueue_on(socket, packet, is_unique, enqueue),
                }
            }
            Ok(socket) => enqueue_on(socket, packet, is_unique, enqueue),
            Err(polling) => self.enqueue_for_poll(&polling, packet, enqueue),
        }
    }

    /// Sends a packet that every later one may overtake where it has to wait. `is_replaceable` says that it is worth nothing
    /// once it was overtaken, and is dropped then.
    ///
    /// A session that polls gets it in order: a poll fetches everything that waits.
    pub fn send_ephemeral<E>(
        &self,
        session: &impl EngineSession,
        packet: &Packet,
        is_replaceable: bool,
        enqueue: impl FnOnce() -> Result<(), E>,
    ) -> Result<(), WriteError<E>> {
        if let (Ok(socket), true) = (self.socket(session), self.is_open.load(Ordering::Acquire)) {
            match socket.write_ephemeral(packet.frame(), is_replaceable, || self.is_closed()) {
                WriteOutcome::Accepted => return Ok(()),
                WriteOutcome::Full => return Err(WriteError::Full),
                WriteOutcome::MustQueue => {}
            }
        }
        self.send(session, packet, false, enqueue)
    }

    /// Sends two packets, the second after the first, with one write where that is possible.
    pub fn send_both<E>(
        &self,
        session: &impl EngineSession,
        (first, enqueue_first): (&Packet, impl FnOnce() -> Result<(), E>),
        (second, enqueue_second): (&Packet, impl FnOnce() -> Result<(), E>),
    ) -> Result<(), WriteError<E>> {
        if let (Some(socket), true) = (self.socket.get(), self.is_open.load(Ordering::Acquire)) {
            let both = [&first.frame()[..], second.frame()].concat().into();
            match socket.write_frames(&both, || self.is_closed()) {
                WriteOutcome::Accepted => return Ok(()),
                WriteOutcome::Full => return Err(WriteError::Full),
                WriteOutcome::MustQueue => {}
            }
        }
        self.send(session, first, false, enqueue_first)?;
        self.send(session, second, false, enqueue_second)
    }

    /// Sends a packet that only the engine can send, because it adds something such as the id of an acknowledgement.
    /// `packet` is used for its length.
    pub fn enqueue<T, E>(
        &self,
        session: &impl EngineSession,
        packet: &Packet,
        enqueue: impl FnOnce() -> Result<T, E>,
    ) -> Result<T, WriteError<E>> {
        match self.socket(session) {
            Ok(socket) => enqueue_on(socket, packet, false, enqueue),
            Err(polling) => self.enqueue_for_poll(&polling, packet, enqueue),
        }
    }

    /// Closes the writer. When this returns, no frame of the session is accepted any more, and those that others may overtake
    /// are dropped.
    ///
    /// The connection stays open: a client may leave its namespace and enter it again as another user.
    pub fn close(&self) {
        // Before the wait below: a write that begins after it sees the flag under the writer's lock.
        self.is_closed.store(true, Ordering::SeqCst);
        if let Some(socket) = self.socket.get() {
            socket.end_session();
        }
    }

    /// Whether [`close`](Self::close) was called.
    pub fn is_closed(&self) -> bool {
        self.is_closed.load(Ordering::SeqCst)
    }

    /// Writer of the session's WebSocket. If the session polls, a guard that keeps other packets from overtaking what is
    /// queued while it is held.
    fn socket(&self, session: &impl EngineSession) -> Result<&Arc<SocketWriter>, MutexGuard<'_, ()>> {
        if let Some(socket) = self.socket.get() {
            return Ok(socket);
        }
        let polling = self.polling.lock();
        let Some(socket) = self.connections.writer(session) else { return Err(polling) };
        // Still under the lock: what was queued for polls is complete, and counts on the new transport from now on.
        Ok(self.socket.get_or_init(|| {
            socket.add_queued_bytes(self.queued.get());
            socket
        }))
    }

    fn enqueue_for_poll<T, E>(
        &self,
        _polling: &MutexGuard<'_, ()>,
        packet: &Packet,
        enqueue: impl FnOnce() -> Result<T, E>,
    ) -> Result<T, WriteError<E>> {
        let length = packet.payload().len();
        if self.queued.get() + length > MAX_QUEUED_BYTES {
            return Err(WriteError::Full);
        }
        // Before it is queued: a poll that waits may fetch it, and be counted, before `enqueue` returns.
        self.queued.add(length);
        enqueue().map_err(|error| {
            self.queued.subtract(length);
            WriteError::Engine(error)
        })
    }
}

fn enqueue_on<T, E>(
    socket: &SocketWriter,
    packet: &Packet,
    is_unique: bool,
    enqueue: impl FnOnce() -> Result<T, E>,
) -> Result<T, WriteError<E>> {
    socket.enqueue(&packet.payload(), is_unique, enqueue).map_err(WriteError::Engine)?.ok_or(WriteError::Full)
}
