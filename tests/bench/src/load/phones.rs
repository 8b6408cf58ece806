//! Phones: clients that report their positions at a fixed interval, listen, and note when alerts arrive.

use std::{
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, AtomicUsize, Ordering::Relaxed},
    },
    time::{Duration, Instant},
};

use anyhow::ensure;
use tokio::task::JoinSet;

use super::{packets, socket::Socket};
use crate::{
    statistics::Times,
    world::places::{self, Chance},
};

/// The movement between two positions, in degrees: some metres.
const STEP_DEGREES: f64 = 0.000_1;

/// The arrival of an alert at one phone.
#[derive(Debug)]
struct Arrival {
    at: Instant,
    payload: Vec<u8>,
}

/// What all phones share.
#[derive(Debug, Default)]
struct Board {
    /// Whether positions are reported now.
    reports: AtomicBool,
    alerts: Mutex<Vec<Arrival>>,
    confirmations: Mutex<Times>,
    lost: AtomicUsize,
}

/// Connected phones.
pub(crate) struct Phones {
    board: Arc<Board>,
    /// The tasks of the phones, which end with this value.
    _running: JoinSet<()>,
}

impl Phones {
    /// Begins to listen. Each phone reports a position per interval once [`Self::report`] was called.
    pub(crate) fn start(sockets: Vec<Socket>, interval: Duration, helpers: usize) -> Self {
        let (board, mut running) = (Arc::<Board>::default(), JoinSet::new());
        for (number, socket) in sockets.into_iter().enumerate() {
            let phone = Phone { socket, number, interval, helpers, sent: None, board: Arc::clone(&board) };
            running.spawn(phone.run());
        }
        Self { board, _running: running }
    }

    /// Starts or stops to report positions.
    pub(crate) fn report(&self, reports: bool) {
        self.board.reports.store(reports, Relaxed);
    }

    /// Takes the latencies of the positions that were confirmed since the last call.
    pub(crate) fn take_confirmations(&self) -> Times {
        std::mem::take(&mut *self.board.confirmations.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// When the `nth` phone received the alert of an emergency; `None` if fewer have.
    pub(crate) fn alerted(&self, emergency: &str, nth: usize) -> Option<Instant> {
        let alerts = self.board.alerts.lock().unwrap_or_else(PoisonError::into_inner);
        let is_of = |payload: &[u8]| payload.windows(emergency.len()).any(|part| part == emergency.as_bytes());
        alerts.iter().filter(|alert| is_of(&alert.payload)).nth(nth - 1).map(|alert| alert.at)
    }

    /// Fails if a phone has lost its connection.
    pub(crate) fn check(&self) -> anyhow::Result<()> {
        let lost = self.board.lost.load(Relaxed);
        ensure!(lost == 0, "{lost} phones have lost their connections");
        Ok(())
    }
}

struct Phone {
    socket: Socket,
    number: usize,
    interval: Duration,
    /// The number of helpers that the places are made for.
    helpers: usize,
    /// When the position was due that is not confirmed yet.
    sent: Option<Instant>,
    board: Arc<Board>,
}

impl Phone {
    async fn run(mut self) {
        if self.report_and_listen().await.is_err() {
            self.board.lost.fetch_add(1, Relaxed);
        }
    }

    async fn report_and_listen(&mut self) -> std::io::Result<()> {
        let mut place = places::home(self.number, self.helpers);
        // Phones do not report simultaneously.
        let mut due = Instant::now() + self.interval.mul_f64(Chance::new(self.number as u64).unit());
        loop {
            let Self { socket, sent, board, .. } = self;
            let arrived = socket.listen_until(due, |event| hear(board, sent, event)).await?;
            if arrived && Instant::now() < due {
                continue;
            }
            // A position that is not confirmed yet delays the next one, as in the scenario of positions.
            if self.sent.is_none() && self.board.reports.load(Relaxed) {
                place.latitude += STEP_DEGREES;
                self.socket.send(&packets::location(place.latitude, place.longitude)).await?;
                self.sent = Some(due);
            }
            due += self.interval;
        }
    }
}

fn hear(board: &Board, sent: &mut Option<Instant>, event: packets::Event<'_>) {
    match event.name {
        b"emergency:nearby" => {
            let alert = Arrival { at: Instant::now(), payload: event.payload.to_vec() };
            board.alerts.lock().unwrap_or_else(PoisonError::into_inner).push(alert);
        }
        b"location:updated" => {
            if let Some(sent) = sent.take() {
                board.confirmations.lock().unwrap_or_else(PoisonError::into_inner).add(sent.elapsed());
            }
        }
        _ => {}
    }
}
