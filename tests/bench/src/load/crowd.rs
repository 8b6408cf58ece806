//! Many clients: connecting them, and counting the events they receive.

use std::{
    io,
    net::SocketAddr,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicUsize, Ordering::Relaxed},
    },
    time::{Duration, Instant},
};

use anyhow::{Context as _, bail};
use tokio::{
    sync::{Notify, Semaphore},
    task::JoinSet,
    time::timeout,
};

use super::socket::Socket;

/// The number of clients that connect at the same time.
const CONCURRENT_CONNECTS: usize = 128;
/// The maximum time to wait for an event.
const EVENT_TIMEOUT: Duration = Duration::from_secs(30);

/// Connects one client for each token.
pub(crate) async fn connect(to: SocketAddr, tokens: &[String]) -> anyhow::Result<Vec<Socket>> {
    let turns = Arc::new(Semaphore::new(CONCURRENT_CONNECTS));
    let mut connecting = JoinSet::new();
    for token in tokens {
        let (turns, token) = (Arc::clone(&turns), token.clone());
        connecting.spawn(async move {
            let _turn = turns.acquire().await.map_err(io::Error::other)?;
            Socket::connect(to, &token).await
        });
    }
    let connected = timeout(EVENT_TIMEOUT * 4, connecting.join_all()).await.context("not all clients can connect")?;
    connected.into_iter().collect::<io::Result<_>>().context("a client cannot connect")
}

#[derive(Debug, Default)]
struct Awaited {
    name: &'static [u8],
    /// When the last client received the event.
    at: Option<Instant>,
}

/// The events that the clients received.
#[derive(Debug, Default)]
struct Board {
    awaited: Mutex<Awaited>,
    missing: AtomicUsize,
    heard: AtomicUsize,
    lost: AtomicUsize,
    done: Notify,
}

impl Board {
    fn awaited(&self) -> MutexGuard<'_, Awaited> {
        self.awaited.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn hear(&self, name: &[u8]) {
        self.heard.fetch_add(1, Relaxed);
        let mut awaited = self.awaited();
        if awaited.name == name && self.missing.fetch_sub(1, Relaxed) == 1 {
            *awaited = Awaited { name: b"", at: Some(Instant::now()) };
            self.done.notify_one();
        }
    }
}

/// Connected clients that count events.
pub(crate) struct Crowd {
    board: Arc<Board>,
    size: usize,
    /// The tasks of the clients, which end with this value.
    _listening: JoinSet<()>,
}

impl Crowd {
    pub(crate) fn listen(sockets: Vec<Socket>) -> Self {
        let (board, size) = (Arc::<Board>::default(), sockets.len());
        let mut listening = JoinSet::new();
        for mut socket in sockets {
            let board = Arc::clone(&board);
            listening.spawn(async move {
                while socket.listen(|event| board.hear(event.name)).await.is_ok() {}
                board.lost.fetch_add(1, Relaxed);
            });
        }
        Self { board, size, _listening: listening }
    }

    /// The number of events that all clients received together.
    pub(crate) fn heard(&self) -> usize {
        self.board.heard.load(Relaxed)
    }

    /// Starts to wait for an event of this name.
    pub(crate) fn expect(&self, name: &'static [u8]) {
        *self.board.awaited() = Awaited { name, at: None };
        self.board.missing.store(self.size, Relaxed);
    }

    /// Waits until all clients have received the expected event; returns the time at which the last one did.
    pub(crate) async fn all(&self) -> anyhow::Result<Instant> {
        if timeout(EVENT_TIMEOUT, self.board.done.notified()).await.is_err() {
            let (missing, lost) = (self.board.missing.load(Relaxed), self.board.lost.load(Relaxed));
            bail!("of {} clients {missing} did not receive an event; {lost} have lost their connection", self.size);
        }
        self.board.awaited().at.take().context("an unexpected event arrived")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn every_socket_has_to_receive_the_awaited_event() {
        let board = Arc::<Board>::default();
        let crowd = Crowd { board: Arc::clone(&board), size: 2, _listening: JoinSet::new() };
        crowd.expect(b"emergency:created");
        board.hear(b"emergency:created");
        board.hear(b"emergency:ended");
        assert!(timeout(Duration::from_millis(1), crowd.all()).await.is_err());
        board.hear(b"emergency:created");
        let at = crowd.all().await.unwrap();
        assert!(at.elapsed() < Duration::from_secs(1));
        assert_eq!(crowd.heard(), 3);
    }
}
