//! How packets get to one session: written at once where nothing comes before them, else through the queue of its
//! transport, in order either way and never more than a client may owe.
//!
//! Everything that is sent to a session goes through here: that is what order rests on.

use std::sync::{
    Arc, Mutex, MutexGuard, OnceLock, PoisonError,
    atomic::{AtomicBool, Ordering},
};

use socketioxide::{SendError, SocketError, extract::SocketRef};

use crate::{
    connections::{Connections, Owed},
    lane::{self, Lane, Sent},
    packet::Packet,
};

/// The way to one session.
#[derive(Debug)]
pub(crate) struct Line {
    connections: Connections,
    /// The way out of its connection, once it is a WebSocket.
    lane: OnceLock<Arc<Lane>>,
    /// Held while something is queued for a session that polls: it does not go over to a WebSocket meanwhile.
    polling: Mutex<()>,
    owed: Arc<Owed>,
    /// Its first packet was queued. What the transport says before that has no number here.
    greeted: AtomicBool,
    over: AtomicBool,
}

impl Line {
    /// The way to the session of `socket`.
    pub(crate) fn new(connections: &Connections, socket: &SocketRef) -> Self {
        let line = Self::unwatched(connections.clone());
        connections.count_polled(socket, &line.owed);
        line
    }

    fn unwatched(connections: Connections) -> Self {
        let (lane, polling, owed) = (OnceLock::new(), Mutex::default(), Arc::default());
        let (greeted, over) = (AtomicBool::new(false), AtomicBool::new(false));
        Self { connections, lane, polling, owed, greeted, over }
    }

    /// Sends the first packet, which has to be unlike any that was sent on this transport before.
    pub(crate) fn greet(
        &self,
        socket: &SocketRef,
        packet: &Packet,
        emit: impl FnOnce() -> Result<(), SendError>,
    ) -> Result<(), SendError> {
        match self.lane(socket) {
            Ok(lane) => lane.queue_first(&packet.payload(), emit)?,
            Err(polling) => self.queue_polled(&polling, packet, emit)?,
        }
        self.greeted.store(true, Ordering::Release);
        Ok(())
    }

    /// Sends a packet: by itself, or with `emit`, which sends the same. Whether it is unlike all others on this
    /// transport, such as an event of the log, is told by `is_unique`.
    pub(crate) fn send(
        &self,
        socket: &SocketRef,
        packet: &Packet,
        is_unique: bool,
        emit: impl FnOnce() -> Result<(), SendError>,
    ) -> Result<(), SendError> {
        match self.lane(socket) {
            Ok(lane) if self.greeted.load(Ordering::Acquire) => match lane.send(packet.frame(), || self.is_over()) {
                Sent::Yes => Ok(()),
                Sent::Full => Err(full()),
                Sent::Behind => queue(lane, packet, is_unique, emit),
            },
            Ok(lane) => queue(lane, packet, is_unique, emit),
            Err(polling) => self.queue_polled(&polling, packet, emit),
        }
    }

    /// Sends two packets, the second after the first, in one piece where that can be.
    pub(crate) fn send_both(
        &self,
        socket: &SocketRef,
        (first, emit_first): (&Packet, impl FnOnce() -> Result<(), SendError>),
        (second, emit_second): (&Packet, impl FnOnce() -> Result<(), SendError>),
    ) -> Result<(), SendError> {
        if let (Some(lane), true) = (self.lane.get(), self.greeted.load(Ordering::Acquire)) {
            let both = [&first.frame()[..], second.frame()].concat().into();
            match lane.send(&both, || self.is_over()) {
                Sent::Yes => return Ok(()),
                Sent::Full => return Err(full()),
                Sent::Behind => {}
            }
        }
        self.send(socket, first, false, emit_first)?;
        self.send(socket, second, false, emit_second)
    }

    /// Sends what only `emit` can send, and which is about as long as `packet`.
    pub(crate) fn queue<T>(
        &self,
        socket: &SocketRef,
        packet: &Packet,
        emit: impl FnOnce() -> Result<T, SendError>,
    ) -> Result<T, SendError> {
        match self.lane(socket) {
            Ok(lane) => queue(lane, packet, false, emit),
            Err(polling) => self.queue_polled(&polling, packet, emit),
        }
    }

    /// The session is over. When this returns, nothing more is written for it.
    pub(crate) fn end(&self) {
        self.over.store(true, Ordering::SeqCst);
        if let Some(lane) = self.lane.get() {
            lane.pause();
        }
    }

    /// Whether the session is over.
    pub(crate) fn is_over(&self) -> bool {
        self.over.load(Ordering::SeqCst)
    }

    /// The way out of its WebSocket; if it polls, that it does so for as long as this is held.
    fn lane(&self, socket: &SocketRef) -> Result<&Arc<Lane>, MutexGuard<'_, ()>> {
        if let Some(lane) = self.lane.get() {
            return Ok(lane);
        }
        let polling = self.polling.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(lane) = self.connections.lane(socket) else { return Err(polling) };
        Ok(self.lane.get_or_init(|| {
            lane.owe(self.owed.bytes());
            lane
        }))
    }

    fn queue_polled<T>(
        &self,
        _polling: &MutexGuard<'_, ()>,
        packet: &Packet,
        emit: impl FnOnce() -> Result<T, SendError>,
    ) -> Result<T, SendError> {
        let length = packet.payload().len();
        if self.owed.bytes() + length > lane::MOST {
            return Err(full());
        }
        let emitted = emit()?;
        self.owed.add(length);
        Ok(emitted)
    }
}

fn queue<T>(
    lane: &Lane,
    packet: &Packet,
    is_unique: bool,
    emit: impl FnOnce() -> Result<T, SendError>,
) -> Result<T, SendError> {
    lane.queue(&packet.payload(), is_unique, emit)?.ok_or_else(full)
}

const fn full() -> SendError {
    SendError::Socket(SocketError::InternalChannelFull)
}
