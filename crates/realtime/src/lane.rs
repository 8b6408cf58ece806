//! The way out of one TCP connection, shared by the transport that writes to it and by those who have a finished
//! WebSocket frame for it.
//!
//! A packet that goes through the transport costs a queue, a task that is woken, and three copies before it is written.
//! When nothing is queued there and the last frame is complete, a frame can as well be written at once
//! ([`Lane::send`]). What the kernel does not take waits here, before anything else is written.
//!
//! Knows nothing of sessions, users or rooms.

mod outline;
mod queued;

use std::{
    collections::VecDeque,
    io::{self, ErrorKind, IoSlice},
    net::Shutdown,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    task::{Context, Poll, Wake, Waker, ready},
};

use bytes::{Buf as _, Bytes};
use futures_util::task::AtomicWaker;
use socket2::SockRef;
use tokio::net::TcpStream;

use self::{outline::Place, queued::Queued};
/// How many bytes may wait for one client, in whatever queue. With what the queues themselves take that is less than 1 MB.
pub(crate) const MOST: usize = 512 * 1024;

/// One TCP connection, until it is shut down. Two tasks may drive it: one that reads, and one that writes. The default is
/// none at all.
#[derive(Debug, Default)]
pub struct Lane {
    out: Mutex<Out>,
    /// Something waits that was written past the transport.
    waits: AtomicBool,
    reader: AtomicWaker,
    writer: AtomicWaker,
}

#[derive(Debug, Default)]
struct Out {
    tcp: Option<Arc<TcpStream>>,
    place: Place,
    queued: Queued,
    /// Frames, the first of which may have been begun.
    waiting: VecDeque<Bytes>,
    bytes: usize,
}

/// What became of a packet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Sent {
    /// It is written, or will be before anything else.
    Yes,
    /// Something comes before it: it has to go the same way.
    Behind,
    /// Too much waits.
    Full,
}

impl Lane {
    /// The way out of this connection.
    pub fn new(tcp: Arc<TcpStream>) -> Arc<Self> {
        let out = Out { tcp: Some(tcp), ..Out::default() };
        Arc::new(Self { out: Mutex::new(out), ..Self::default() })
    }

    /// Writes a whole frame, or several, at once, unless something is to leave before it. `is_over` is asked when nothing can come between.
    pub(crate) fn send(&self, frame: &Bytes, is_over: impl FnOnce() -> bool) -> Sent {
        let mut out = self.out();
        if is_over() || !out.queued.is_empty() || out.place.is_lost() {
            return Sent::Behind;
        }
        let Some(tcp) = &out.tcp else { return Sent::Behind };
        if out.place.is_boundary() && out.waiting.is_empty() {
            // An error shows to the one who reads.
            let written = tcp.try_write(frame).unwrap_or(0);
            if written == frame.len() {
                return Sent::Yes;
            }
            out.wait(frame.slice(written..));
        } else if out.bytes + frame.len() > MOST {
            return Sent::Full;
        } else {
            out.wait(frame.clone());
        }
        self.waits.store(true, Ordering::Release);
        drop(out);
        self.reader.wake();
        Sent::Yes
    }

    /// Puts a packet into the queue of the transport with `emit`, unless too much waits. What cannot be told from others
    /// by its payload is not `unique`.
    pub(crate) fn queue<T, E>(
        &self,
        payload: &Bytes,
        is_unique: bool,
        emit: impl FnOnce() -> Result<T, E>,
    ) -> Result<Option<T>, E> {
        let mut out = self.out();
        if out.bytes + out.queued.bytes() + payload.len() > MOST {
            return Ok(None);
        }
        // Under the lock: it is not seen leaving before it is known.
        let emitted = emit()?;
        out.queued.push(payload, is_unique);
        Ok(Some(emitted))
    }

    /// The same for the first packet of a session, which is unique: what another session queued before does not count.
    pub(crate) fn queue_first<T, E>(&self, payload: &Bytes, emit: impl FnOnce() -> Result<T, E>) -> Result<T, E> {
        let mut out = self.out();
        let emitted = emit()?;
        out.queued.push(payload, true);
        out.queued.mark(payload);
        Ok(emitted)
    }

    /// So many bytes were queued before the session came to this connection.
    pub(crate) fn owe(&self, bytes: usize) {
        self.out().queued.owe(bytes);
    }

    /// Waits for whoever is sending.
    pub(crate) fn pause(&self) {
        drop(self.out());
    }

    /// The response that is written next changes the protocol to WebSocket.
    pub(crate) fn expect_frames(&self) {
        self.out().place.expect_frames();
    }

    /// Whether something waits to be written by [`poll_drain`](Self::poll_drain). The task that reads is woken when that
    /// changes, if it was remembered ([`remember_reader`](Self::remember_reader)).
    pub fn waits(&self) -> bool {
        self.waits.load(Ordering::Acquire)
    }

    /// Remembers who reads.
    pub fn remember_reader(&self, cx: &Context<'_>) {
        self.reader.register(cx.waker());
    }

    /// Remembers who writes.
    pub fn remember_writer(&self, cx: &Context<'_>) {
        self.writer.register(cx.waker());
    }

    /// Wakes both.
    pub fn waker(self: &Arc<Self>) -> Waker {
        Waker::from(Arc::clone(self))
    }

    /// Writes what was not taken at once. Tells how many bytes the kernel took, when it takes no more or nothing is left;
    /// pending when it took none. Both tasks are woken when it takes some again.
    ///
    /// # Errors
    ///
    /// Those of the connection.
    pub fn poll_drain(self: &Arc<Self>) -> Poll<io::Result<usize>> {
        self.drain(&mut self.out())
    }

    fn drain(self: &Arc<Self>, out: &mut Out) -> Poll<io::Result<usize>> {
        let mut drained = 0;
        // In the middle of a frame of the transport that frame is continued first.
        while out.place.is_boundary()
            && let Some(frame) = out.waiting.front()
        {
            match self.poll_try(out, |tcp| tcp.try_write(frame)) {
                Poll::Ready(Ok(0)) => return Poll::Ready(Err(ErrorKind::WriteZero.into())),
                Poll::Ready(Ok(written)) => {
                    drained += written;
                    out.advance(written);
                }
                Poll::Ready(Err(error)) => return Poll::Ready(Err(error)),
                Poll::Pending if drained == 0 => return Poll::Pending,
                Poll::Pending => break,
            }
        }
        if out.waiting.is_empty() {
            out.waiting = VecDeque::new();
            self.waits.store(false, Ordering::Release);
        }
        Poll::Ready(Ok(drained))
    }

    /// Writes for the transport, after what waits here. Pending and waking as in [`poll_drain`](Self::poll_drain).
    ///
    /// # Errors
    ///
    /// Those of the connection.
    pub fn poll_write(self: &Arc<Self>, data: &[u8]) -> Poll<io::Result<usize>> {
        let mut out = self.out();
        while out.place.is_boundary() && !out.waiting.is_empty() {
            ready!(self.drain(&mut out))?;
        }
        let written = ready!(self.poll_try(&out, |tcp| tcp.try_write(data)))?;
        let Out { place, queued, waiting, .. } = &mut *out;
        place.pass(&data[..written], queued);
        let goes_on = place.is_boundary() && !waiting.is_empty();
        drop(out);
        if goes_on {
            self.reader.wake();
        }
        Poll::Ready(Ok(written))
    }

    /// The same for several buffers, of which it may take only the first.
    ///
    /// # Errors
    ///
    /// Those of the connection.
    pub fn poll_write_vectored(self: &Arc<Self>, data: &[IoSlice<'_>]) -> Poll<io::Result<usize>> {
        let out = self.out();
        if out.place.is_http() {
            return self.poll_try(&out, |tcp| tcp.try_write_vectored(data));
        }
        drop(out);
        self.poll_write(data.iter().find(|part| !part.is_empty()).map_or(&[], |part| part))
    }

    /// Ends the connection at once; nothing more is sent on it.
    pub fn shut_down(&self) {
        let ended = std::mem::take(&mut *self.out());
        self.waits.store(false, Ordering::Release);
        if let Some(tcp) = ended.tcp {
            SockRef::from(&*tcp).shutdown(Shutdown::Both).ok();
        }
    }

    /// Tries until it is done or the kernel takes nothing; then both tasks are woken when it does.
    fn poll_try<T>(
        self: &Arc<Self>,
        out: &Out,
        mut attempt: impl FnMut(&TcpStream) -> io::Result<T>,
    ) -> Poll<io::Result<T>> {
        let Some(tcp) = &out.tcp else { return Poll::Ready(Err(ErrorKind::NotConnected.into())) };
        loop {
            match attempt(tcp) {
                Err(error) if error.kind() == ErrorKind::WouldBlock => {
                    ready!(tcp.poll_write_ready(&mut Context::from_waker(&self.waker())))?;
                }
                outcome => return Poll::Ready(outcome),
            }
        }
    }

    fn out(&self) -> MutexGuard<'_, Out> {
        self.out.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Out {
    fn wait(&mut self, rest: Bytes) {
        self.bytes += rest.len();
        self.waiting.push_back(rest);
    }

    fn advance(&mut self, written: usize) {
        self.bytes -= written;
        if let Some(frame) = self.waiting.front_mut() {
            frame.advance(written);
            if frame.is_empty() {
                self.waiting.pop_front();
            }
        }
    }
}

impl Wake for Lane {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        self.reader.wake();
        self.writer.wake();
    }
}

#[cfg(test)]
mod tests;
