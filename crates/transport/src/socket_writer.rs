//! Writer of one TCP connection, shared by the engine, which writes through [`Stream`](crate::Stream), and by sessions that
//! have a finished WebSocket frame.
//!
//! A packet that goes through the engine costs a channel, a woken task and three copies before it is written. Where none of
//! our packets waits in that channel and the last frame is complete, a frame can be written at once instead
//! ([`SocketWriter::write_frames`]). What the kernel does not take is kept here and written before anything else; only
//! ephemeral frames wait until nothing else does ([`SocketWriter::write_ephemeral`]).
//!
//! Must not know sessions, users or rooms.

mod engine_queue;
mod frame_tracker;

use std::{
    collections::VecDeque,
    io::{self, ErrorKind, IoSlice},
    net::Shutdown,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    task::{Context, Poll, Wake, Waker, ready},
};

use bytes::{Buf as _, Bytes};
use futures_util::task::AtomicWaker;
use parking_lot::{Mutex, MutexGuard};
use socket2::SockRef;
use tokio::net::TcpStream;

#[cfg(feature = "testing")]
pub use self::frame_tracker::text_messages;
use self::{engine_queue::EngineQueue, frame_tracker::FrameTracker};

/// Number of bytes that may wait for one client, in whatever queue. Together with the overhead of the queues that is less
/// than 1 MB.
pub const MAX_QUEUED_BYTES: usize = 512 * 1024;

/// Writer of a TCP connection until that is shut down. The default has no connection and refuses everything.
///
/// Two tasks drive it: the one that reads from the connection and the one that writes to it. Which of them is polled when the
/// kernel takes bytes again is not known, so both are woken and either continues what is pending.
#[derive(Debug, Default)]
pub struct SocketWriter {
    output: Mutex<Output>,
    /// Whether `output.pending` is not empty, readable without the lock.
    has_pending: AtomicBool,
    reader: AtomicWaker,
    writer: AtomicWaker,
}

#[derive(Debug, Default)]
struct Output {
    tcp: Option<Arc<TcpStream>>,
    tracker: FrameTracker,
    engine_queue: EngineQueue,
    /// Whole frames that were accepted and not written yet; of the first, a part may have been written.
    pending: VecDeque<Bytes>,
    pending_bytes: usize,
    /// Whole frames that are written when nothing else waits, neither here nor in the queue of the engine.
    ephemeral: VecDeque<EphemeralFrame>,
    ephemeral_bytes: usize,
}

#[derive(Debug)]
struct EphemeralFrame {
    frame: Bytes,
    is_replaceable: bool,
}

/// The outcome of writing frames.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum WriteOutcome {
    /// Written, or kept to be written before anything else.
    Accepted,
    /// Something has to leave before it: it must go through the queue of the engine.
    MustQueue,
    /// More than [`MAX_QUEUED_BYTES`] would wait.
    Full,
}

impl SocketWriter {
    /// Writer of a connection on which nothing was written yet.
    pub(crate) fn new(tcp: Arc<TcpStream>) -> Arc<Self> {
        let output = Output { tcp: Some(tcp), ..Output::default() };
        Arc::new(Self { output: Mutex::new(output), ..Self::default() })
    }

    /// Writes one or several whole frames, unless something has to leave before them. `is_closed` is evaluated under the
    /// lock, so that nothing is written once a session has waited for it with [`end_session`](Self::end_session).
    ///
    /// They overtake ephemeral frames, of which those that are replaceable are dropped.
    pub(crate) fn write_frames(&self, frames: &Bytes, is_closed: impl FnOnce() -> bool) -> WriteOutcome {
        let mut output = self.output.lock();
        if is_closed() || !output.engine_queue.is_empty() || output.tracker.is_lost() {
            return WriteOutcome::MustQueue;
        }
        output.drop_replaceable();
        let Some(tcp) = &output.tcp else { return WriteOutcome::MustQueue };
        // Within a frame of the engine these bytes would become part of its payload.
        if output.tracker.is_at_boundary() && output.pending.is_empty() {
            // An error is not reported here: the task that reads gets it too, and ends the connection.
            let written = tcp.try_write(frames).unwrap_or(0);
            if written == frames.len() {
                return WriteOutcome::Accepted;
            }
            output.keep(frames.slice(written..));
        } else if !output.make_room(frames.len()) {
            return WriteOutcome::Full;
        } else {
            output.keep(frames.clone());
        }
        self.drain_later(output);
        WriteOutcome::Accepted
    }

    /// Writes a whole frame that every other packet of the session may overtake, when nothing has to leave before it.
    ///
    /// `is_replaceable` says that it is worth nothing once it was overtaken. `is_closed` as in
    /// [`write_frames`](Self::write_frames).
    pub(crate) fn write_ephemeral(
        &self,
        frame: &Bytes,
        is_replaceable: bool,
        is_closed: impl FnOnce() -> bool,
    ) -> WriteOutcome {
        let mut output = self.output.lock();
        // While it is unknown what the engine holds, it is unknown when the frame could be written.
        if is_closed() || output.engine_queue.is_unknown() || output.tracker.is_lost() {
            return WriteOutcome::MustQueue;
        }
        let Some(tcp) = &output.tcp else { return WriteOutcome::MustQueue };
        if output.may_write_ephemeral() && output.pending.is_empty() && output.ephemeral.is_empty() {
            let written = tcp.try_write(frame).unwrap_or(0);
            if written == frame.len() {
                return WriteOutcome::Accepted;
            }
            if written > 0 {
                // Nothing may come before the rest of a frame that was begun.
                output.keep(frame.slice(written..));
                self.drain_later(output);
                return WriteOutcome::Accepted;
            }
        }
        if output.waiting_bytes() + frame.len() > MAX_QUEUED_BYTES {
            return WriteOutcome::Full;
        }
        output.ephemeral_bytes += frame.len();
        output.ephemeral.push_back(EphemeralFrame { frame: frame.clone(), is_replaceable });
        self.drain_later(output);
        WriteOutcome::Accepted
    }

    fn drain_later(&self, output: MutexGuard<'_, Output>) {
        // Set under the lock, so that a task that empties `pending` meanwhile does not clear it afterwards.
        self.has_pending.store(true, Ordering::Release);
        drop(output);
        // The writing task may be idle for as long as the engine has nothing to say; the reading one is always polled.
        self.reader.wake();
    }

    /// Puts a packet into the queue of the engine by calling `enqueue`. `None` if more than [`MAX_QUEUED_BYTES`] would wait.
    ///
    /// `is_unique` says that no other packet on this connection has the same payload.
    pub(crate) fn enqueue<T, E>(
        &self,
        payload: &Bytes,
        is_unique: bool,
        enqueue: impl FnOnce() -> Result<T, E>,
    ) -> Result<Option<T>, E> {
        let mut output = self.output.lock();
        if !output.make_room(payload.len()) {
            return Ok(None);
        }
        // Under the lock: else the engine could write the packet before it is counted, and the count would never be zero.
        let enqueued = enqueue()?;
        output.engine_queue.push(payload, is_unique);
        output.drop_replaceable();
        Ok(Some(enqueued))
    }

    /// Puts the first packet of a session into the queue of the engine. Its payload is unique, and what another session on
    /// the same connection queued before is not counted any more.
    pub(crate) fn enqueue_first<T, E>(&self, payload: &Bytes, enqueue: impl FnOnce() -> Result<T, E>) -> Result<T, E> {
        let mut output = self.output.lock();
        let enqueued = enqueue()?;
        output.engine_queue.push(payload, true);
        output.engine_queue.set_marker(payload);
        Ok(enqueued)
    }

    /// Counts bytes that were put into the queue of the engine before the session was upgraded to this connection.
    pub(crate) fn add_queued_bytes(&self, bytes: usize) {
        self.output.lock().engine_queue.add_bytes(bytes);
    }

    /// Drops the ephemeral frames of a session that is closed. Returns when no call of
    /// [`write_frames`](Self::write_frames) that began before is running any more.
    pub(crate) fn end_session(&self) {
        // Another session may begin on this connection, and they would be written after its first packet.
        self.output.lock().drop_ephemeral();
    }

    /// Announces that the response which is written next switches the protocol to WebSocket.
    pub(crate) fn expect_upgrade(&self) {
        self.output.lock().tracker.expect_upgrade();
    }

    /// Whether frames wait to be written by [`poll_drain`](Self::poll_drain). The reading task is woken when this becomes
    /// true, if it was registered before it asked.
    pub(crate) fn has_pending(&self) -> bool {
        self.has_pending.load(Ordering::Acquire)
    }

    /// Registers the task that reads from the connection.
    pub(crate) fn register_reader(&self, cx: &Context<'_>) {
        self.reader.register(cx.waker());
    }

    /// Registers the task that writes to the connection for the engine.
    pub(crate) fn register_writer(&self, cx: &Context<'_>) {
        self.writer.register(cx.waker());
    }

    /// Waker of both tasks.
    pub(crate) fn waker(self: &Arc<Self>) -> Waker {
        Waker::from(Arc::clone(self))
    }

    /// Writes pending frames until the kernel takes no more or none is left. Returns the number of bytes written, zero where a
    /// frame of the engine must be continued first; pending if the kernel took nothing, and then both tasks are woken when it
    /// does.
    pub(crate) fn poll_drain(self: &Arc<Self>) -> Poll<io::Result<usize>> {
        self.drain(&mut self.output.lock())
    }

    fn drain(self: &Arc<Self>, output: &mut Output) -> Poll<io::Result<usize>> {
        let mut drained = 0;
        // Only between two frames: a frame that the engine has begun is continued by the engine first.
        while output.tracker.is_at_boundary()
            && output.has_next()
            && let Some(frame) = output.pending.front()
        {
            match self.poll_attempt(output, |tcp| tcp.try_write(frame)) {
                Poll::Ready(Ok(0)) => return Poll::Ready(Err(ErrorKind::WriteZero.into())),
                Poll::Ready(Ok(written)) => {
                    drained += written;
                    output.advance_pending(written);
                }
                Poll::Ready(Err(error)) => return Poll::Ready(Err(error)),
                Poll::Pending if drained == 0 => return Poll::Pending,
                Poll::Pending => break,
            }
        }
        if output.pending.is_empty() {
            // Replaced rather than cleared: the memory of a burst is returned.
            output.pending = VecDeque::new();
            self.has_pending.store(!output.ephemeral.is_empty(), Ordering::Release);
        }
        Poll::Ready(Ok(drained))
    }

    /// Writes for the engine, after what is pending. Pending and waking as in [`poll_drain`](Self::poll_drain).
    pub(crate) fn poll_write(self: &Arc<Self>, data: &[u8]) -> Poll<io::Result<usize>> {
        let mut output = self.output.lock();
        while output.tracker.is_at_boundary() && !output.pending.is_empty() {
            ready!(self.drain(&mut output))?;
        }
        let written = ready!(self.poll_attempt(&output, |tcp| tcp.try_write(data)))?;
        let Output { tracker, engine_queue, .. } = &mut *output;
        tracker.advance(&data[..written], engine_queue);
        // The engine has completed a frame while others wait: it may not write again for long, so the reader drains them.
        let reader_continues = output.tracker.is_at_boundary() && !output.pending.is_empty()
            || output.may_write_ephemeral() && !output.ephemeral.is_empty();
        drop(output);
        if reader_continues {
            self.reader.wake();
        }
        Poll::Ready(Ok(written))
    }

    /// Writes several buffers for the engine, of which it may take only the first that is not empty.
    pub(crate) fn poll_write_vectored(self: &Arc<Self>, data: &[IoSlice<'_>]) -> Poll<io::Result<usize>> {
        let output = self.output.lock();
        // In plain HTTP there is nothing to track, and a response with its body is one system call.
        if output.tracker.is_http() {
            return self.poll_attempt(&output, |tcp| tcp.try_write_vectored(data));
        }
        drop(output);
        self.poll_write(data.iter().find(|part| !part.is_empty()).map_or(&[], |part| part))
    }

    /// Closes the connection at once and drops what is pending. Nothing is written afterwards.
    pub(crate) fn shut_down(&self) {
        let ended = std::mem::take(&mut *self.output.lock());
        self.has_pending.store(false, Ordering::Release);
        if let Some(tcp) = ended.tcp {
            SockRef::from(&*tcp).shutdown(Shutdown::Both).ok();
        }
    }

    /// Attempts a write until it succeeds, fails, or the kernel takes nothing; in the last case both tasks are woken when the
    /// kernel takes bytes again.
    fn poll_attempt<T>(
        self: &Arc<Self>,
        output: &Output,
        mut attempt: impl FnMut(&TcpStream) -> io::Result<T>,
    ) -> Poll<io::Result<T>> {
        let Some(tcp) = &output.tcp else { return Poll::Ready(Err(ErrorKind::NotConnected.into())) };
        loop {
            match attempt(tcp) {
                Err(error) if error.kind() == ErrorKind::WouldBlock => {
                    // A connection holds one waker for writing, and two tasks wait: it gets a waker that wakes both.
                    ready!(tcp.poll_write_ready(&mut Context::from_waker(&self.waker())))?;
                }
                outcome => return Poll::Ready(outcome),
            }
        }
    }
}

impl Output {
    fn keep(&mut self, rest: Bytes) {
        self.pending_bytes += rest.len();
        self.pending.push_back(rest);
    }

    /// Whether a frame may be written now: the first of `pending`, to which the next ephemeral one is moved if it is empty.
    fn has_next(&mut self) -> bool {
        if self.pending.is_empty()
            && self.may_write_ephemeral()
            && let Some(EphemeralFrame { frame, .. }) = self.ephemeral.pop_front()
        {
            self.ephemeral_bytes -= frame.len();
            if self.ephemeral.is_empty() {
                self.ephemeral = VecDeque::new();
            }
            self.keep(frame);
        }
        !self.pending.is_empty()
    }

    /// Whether no frame of the engine has been begun and none of our packets waits in its queue.
    const fn may_write_ephemeral(&self) -> bool {
        self.tracker.is_at_boundary() && self.engine_queue.is_empty()
    }

    const fn waiting_bytes(&self) -> usize {
        self.pending_bytes + self.ephemeral_bytes + self.engine_queue.bytes()
    }

    /// Whether this many bytes may wait, too. Ephemeral frames give way to them.
    fn make_room(&mut self, bytes: usize) -> bool {
        if self.waiting_bytes() - self.ephemeral_bytes + bytes > MAX_QUEUED_BYTES {
            return false;
        }
        if self.waiting_bytes() + bytes > MAX_QUEUED_BYTES {
            self.drop_ephemeral();
        }
        true
    }

    fn drop_replaceable(&mut self) {
        // The usual case: the client reads, and nothing waits.
        if self.ephemeral.is_empty() {
            return;
        }
        self.ephemeral.retain(|ephemeral| !ephemeral.is_replaceable);
        self.ephemeral_bytes = self.ephemeral.iter().map(|ephemeral| ephemeral.frame.len()).sum();
    }

    fn drop_ephemeral(&mut self) {
        self.ephemeral = VecDeque::new();
        self.ephemeral_bytes = 0;
    }

    fn advance_pending(&mut self, written: usize) {
        self.pending_bytes -= written;
        if let Some(frame) = self.pending.front_mut() {
            frame.advance(written);
            if frame.is_empty() {
                self.pending.pop_front();
            }
        }
    }
}

impl Wake for SocketWriter {
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
