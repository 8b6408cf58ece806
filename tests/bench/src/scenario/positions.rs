//! Positions: `location:update` of many sockets until confirmed. As fast as possible, each socket sending the next one when
//! the last is confirmed; and at one per second each, like phones.

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering::Relaxed},
    },
    time::{Duration, Instant},
};

use anyhow::Context as _;
use tokio::{
    task::JoinSet,
    time::{sleep_until, timeout_at},
};

use super::{BenchContext, meter::Meter};
use crate::{
    load::{crowd, packets, socket::Socket},
    server::{Kind, Server},
    sheet::{Sheet, Target},
    statistics::Times,
    world::{Database, Population, people::Tokens, places},
};

const KINDS: [Kind; 3] = [Kind::Postgres, Kind::Peer, Kind::Sqlite];
const POPULATION: Population = Population { owners: 0, helpers: 10_000 };
/// The movement between two positions, in degrees: some metres.
const STEP_DEGREES: f64 = 0.000_1;
/// The maximum time to wait for confirmations after the end.
const CONFIRMATION_TIMEOUT: Duration = Duration::from_secs(10);

const CONFIRMATION_RATE: &str = "confirmed";
const CONFIRMATION_LATENCY: &str = "to the confirmation, p99";

/// The rate of positions per socket.
#[derive(Debug, Clone, Copy)]
struct Pace {
    sockets: usize,
    /// The interval; `None` for as fast as possible.
    every: Option<Duration>,
}

/// Runs the scenario.
pub(super) async fn run(cx: &BenchContext) -> anyhow::Result<Vec<Sheet>> {
    let tokens = Tokens::new()?;
    let mut databases = Vec::new();
    for kind in KINDS {
        databases.push(Database::with(&cx.databases, kind, POPULATION).await?);
    }
    let mut sheets = Vec::new();
    let paces = [Pace { sockets: 1_000, every: None }, Pace { sockets: 5_000, every: Some(Duration::from_secs(1)) }];
    for pace in paces {
        let mut sheet = Sheet::new(match pace.every {
            None => format!("positions of {} sockets, as fast as they go", pace.sockets),
            Some(_) => format!("positions of {} sockets, one a second each", pace.sockets),
        });
        for _ in 0..cx.form.rounds() {
            for (kind, database) in KINDS.into_iter().zip(&databases) {
                let database = database.copy().await?;
                measure(cx, kind, &database, pace, &tokens, &mut sheet).await.with_context(|| kind.name())?;
                database.remove().await?;
            }
        }
        for kind in [Kind::Postgres, Kind::Sqlite] {
            if pace.every.is_none() {
                sheet.expect(kind, CONFIRMATION_RATE, Target::TimesAtLeast(10.0, Kind::Peer));
            }
            sheet.expect(kind, CONFIRMATION_LATENCY, Target::AtMost(if pace.every.is_none() { 250.0 } else { 50.0 }));
        }
        sheets.push(sheet);
    }
    for database in databases {
        database.remove().await?;
    }
    Ok(sheets)
}

async fn measure(
    cx: &BenchContext,
    kind: Kind,
    database: &Database,
    pace: Pace,
    tokens: &Tokens,
    sheet: &mut Sheet,
) -> anyhow::Result<()> {
    let server = Server::start(kind, &database.url()).await?;
    let phones: Vec<String> = (0..pace.sockets).map(|n| tokens.of(n)).collect::<anyhow::Result<_>>()?;
    let begin = Instant::now();
    let sockets = crowd::connect(server.address, &phones).await?;
    let from = begin.elapsed() + cx.form.warm_up();
    let until = from + cx.form.pick(Duration::from_secs(2), Duration::from_secs(10));
    let counted = (begin + from, begin + until);

    let confirmed = Arc::<AtomicUsize>::default();
    let mut phones = JoinSet::new();
    for (number, socket) in sockets.into_iter().enumerate() {
        let phone = Phone { socket, number, pace, counted, confirmed: Arc::clone(&confirmed) };
        phones.spawn(phone.report());
    }
    sleep_until(counted.0.into()).await;
    let (meter, before) = (Meter::start(&server, &cx.databases)?, confirmed.load(Relaxed));
    sleep_until(counted.1.into()).await;
    let (cost, after) = (meter.stop()?, confirmed.load(Relaxed));

    let mut times = Times::default();
    while let Some(phone) = phones.join_next().await {
        times.extend(phone??);
    }
    let stored = f64::from(u32::try_from(after - before)?);
    sheet.add(kind, CONFIRMATION_RATE, "1/s", stored / cost.took.as_secs_f64());
    sheet.add(kind, "to the confirmation, median", "ms", times.percentile(50));
    sheet.add(kind, CONFIRMATION_LATENCY, "ms", times.percentile(99));
    sheet.add(kind, "CPU per position", "µs", cost.cpu.as_secs_f64() * 1e6 / stored);
    cost.note(&server, sheet);
    Ok(())
}

/// A client that reports positions.
struct Phone {
    socket: Socket,
    number: usize,
    pace: Pace,
    /// Positions between these times are measured.
    counted: (Instant, Instant),
    confirmed: Arc<AtomicUsize>,
}

impl Phone {
    /// Reports until the end; returns the latencies of measured positions.
    async fn report(mut self) -> anyhow::Result<Times> {
        let mut times = Times::default();
        let mut place = places::home(self.number, POPULATION.helpers);
        let mut due = Instant::now() + self.phase();
        while due < self.counted.1 {
            sleep_until(due.into()).await;
            place.latitude += STEP_DEGREES;
            self.socket.send(&packets::location(place.latitude, place.longitude)).await?;
            timeout_at((self.counted.1 + CONFIRMATION_TIMEOUT).into(), self.confirmation())
                .await
                .context("a position is not confirmed")??;
            self.confirmed.fetch_add(1, Relaxed);
            if due >= self.counted.0 {
                times.add(due.elapsed());
            }
            // A late confirmation delays the next position; its latency counts from the scheduled time.
            due = self.pace.every.map_or_else(Instant::now, |every| due + every);
        }
        Ok(times)
    }

    /// The offset of the first position, so that clients do not report simultaneously.
    fn phase(&self) -> Duration {
        let every = self.pace.every.unwrap_or_default();
        every.mul_f64(places::Chance::new(self.number as u64).unit())
    }

    async fn confirmation(&mut self) -> std::io::Result<()> {
        let mut is_confirmed = false;
        while !is_confirmed {
            self.socket.listen(|event| is_confirmed |= event.name == b"location:updated").await?;
        }
        Ok(())
    }
}
