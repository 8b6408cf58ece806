//! The worst day: calls for help while ten thousand phones are connected and report their positions, and hundreds of
//! readers ask as fast as they are answered. And the same calls while nothing else happens.

use std::{
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering::Relaxed},
    },
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context as _, anyhow, ensure};
use tokio::{runtime, task::JoinSet, time::sleep};

use super::{BenchContext, Owner, meter::Meter};
use crate::{
    load::{crowd, http::Http, phones::Phones},
    server::{Kind, Server},
    sheet::{Sheet, Target},
    statistics::Times,
    world::{
        Database, Population,
        people::Tokens,
        places::{FAR_FROM_ALL_CITIES, centre},
    },
};

const KINDS: [Kind; 3] = [Kind::Postgres, Kind::Peer, Kind::Sqlite];
const POPULATION: Population = Population { owners: 200, helpers: 10_000 };
/// Ten thousand phones report 5,000 positions a second.
const REPORT_INTERVAL: Duration = Duration::from_secs(2);
/// Helpers who read, each with a token of their own.
const READERS: usize = 200;
/// Time between two calls.
const CALL_INTERVAL: Duration = Duration::from_secs(1);
/// The number of helpers that the first wave of a call alerts.
const ALERTED_HELPERS: usize = 50;
/// The maximum time to wait for the alerts of the last call.
const ALERT_TIMEOUT: Duration = Duration::from_secs(20);

/// The names of the rows: without and with load.
struct Names {
    answer: [&'static str; 2],
    alerted: [&'static str; 2],
}

const ALONE: Names = Names {
    answer: ["alone, `POST /emergencies`, median", "alone, `POST /emergencies`, p99"],
    alerted: ["alone, to the fiftieth helper, median", "alone, to the fiftieth helper, p99"],
};
const LOADED: Names = Names {
    answer: ["`POST /emergencies`, median", "`POST /emergencies`, p99"],
    alerted: ["to the fiftieth helper, median", "to the fiftieth helper, p99"],
};

/// Runs the scenario.
pub(super) async fn run(cx: &BenchContext) -> anyhow::Result<Vec<Sheet>> {
    let tokens = Tokens::new()?;
    let mut databases = Vec::new();
    for kind in KINDS {
        databases.push(Database::with(&cx.databases, kind, POPULATION).await?);
    }
    let mut sheet = Sheet::new("worst day");
    for _ in 0..cx.form.rounds() {
        for (kind, database) in KINDS.into_iter().zip(&databases) {
            let database = database.copy().await?;
            measure(cx, kind, &database, &tokens, &mut sheet).await.with_context(|| kind.name())?;
            database.remove().await?;
        }
    }
    for kind in [Kind::Postgres, Kind::Sqlite] {
        sheet.expect(kind, ALONE.alerted[1], Target::AtMost(10.0));
        sheet.expect(kind, LOADED.answer[1], Target::AtMost(50.0));
        sheet.expect(kind, LOADED.alerted[1], Target::AtMost(100.0));
    }
    for database in databases {
        database.remove().await?;
    }
    Ok(vec![sheet])
}

async fn measure(
    cx: &BenchContext,
    kind: Kind,
    database: &Database,
    tokens: &Tokens,
    sheet: &mut Sheet,
) -> anyhow::Result<()> {
    let server = Server::start(kind, &database.url()).await?;
    let helpers: Vec<String> =
        (0..POPULATION.helpers).map(|n| tokens.of(POPULATION.owners + n)).collect::<anyhow::Result<_>>()?;
    let sockets = crowd::connect(server.address, &helpers).await?;
    let phones = Phones::start(sockets, REPORT_INTERVAL, POPULATION.helpers);
    let (warm_up, alone, loaded) = cx.form.pick((2, 8, 15), (3, 20, 60));
    let mut calls = Calls { address: server.address, tokens, next_owner: 0 };
    let read = calls.raise_far_away().await?;
    // Not measured: the first calls open connections to the database.
    calls.raise(warm_up, &phones).await?;
    calls.raise(alone, &phones).await?.note(kind, &ALONE, sheet);

    phones.report(true);
    let readers = Readers::start(server.address, helpers[..READERS].to_vec(), read);
    calls.raise(warm_up, &phones).await?;
    drop(phones.take_confirmations());
    let (meter, before) = (Meter::start(&server, &cx.databases)?, readers.answered());
    let measured = calls.raise(loaded, &phones).await?;
    let (cost, answered) = (meter.stop()?, readers.answered() - before);
    let positions = phones.take_confirmations();
    readers.stop()?;
    phones.check()?;

    measured.note(kind, &LOADED, sheet);
    let per_second = |count: usize| u32::try_from(count).map(|count| f64::from(count) / cost.took.as_secs_f64());
    sheet.add(kind, "reads", "1/s", per_second(answered)?);
    sheet.add(kind, "positions", "1/s", per_second(positions.count())?);
    sheet.add(kind, "position to the confirmation, median", "ms", positions.percentile(50));
    cost.note(&server, sheet);
    Ok(())
}

/// The latencies of calls.
#[derive(Default)]
struct Latencies {
    answer: Times,
    alerted: Times,
}

impl Latencies {
    fn note(&self, kind: Kind, names: &Names, sheet: &mut Sheet) {
        for (times, names) in [(&self.answer, names.answer), (&self.alerted, names.alerted)] {
            sheet.add(kind, names[0], "ms", times.percentile(50));
            sheet.add(kind, names[1], "ms", times.percentile(99));
        }
    }
}

/// Calls for help, each by another owner at another place.
struct Calls<'a> {
    address: SocketAddr,
    tokens: &'a Tokens,
    next_owner: usize,
}

impl Calls<'_> {
    /// Raises an emergency for the readers, which alerts no helper.
    async fn raise_far_away(&mut self) -> anyhow::Result<String> {
        let http = Http::connect(self.address, &self.tokens.of(self.take_owner())?).await?;
        Owner::new(http, FAR_FROM_ALL_CITIES).raise().await
    }

    /// Raises `count` emergencies, one a second, whether or not the earlier ones are answered.
    async fn raise(&mut self, count: usize, phones: &Phones) -> anyhow::Result<Latencies> {
        let mut raising = JoinSet::new();
        for _ in 0..count {
            let owner = self.take_owner();
            let (address, token) = (self.address, self.tokens.of(owner)?);
            // At the edge of a city the first wave is smaller.
            let place = centre(owner, POPULATION.helpers);
            // On a thread of its own, so that the work of the other clients does not count as latency.
            raising.spawn_blocking(move || {
                on_this_thread(async {
                    let mut owner = Owner::new(Http::connect(address, &token).await?, place);
                    let begun = Instant::now();
                    let emergency = owner.raise().await?;
                    Ok((begun, begun.elapsed(), emergency))
                })
            });
            sleep(CALL_INTERVAL).await;
        }
        let mut latencies = Latencies::default();
        while let Some(raised) = raising.join_next().await {
            let (begun, answered, emergency) = raised??;
            latencies.answer.add(answered);
            latencies.alerted.add(alerted(phones, &emergency).await? - begun);
        }
        Ok(latencies)
    }

    fn take_owner(&mut self) -> usize {
        self.next_owner += 1;
        self.next_owner - 1
    }
}

/// When the last helper of the first wave received the alert.
async fn alerted(phones: &Phones, emergency: &str) -> anyhow::Result<Instant> {
    let deadline = Instant::now() + ALERT_TIMEOUT;
    loop {
        if let Some(at) = phones.alerted(emergency, ALERTED_HELPERS) {
            return Ok(at);
        }
        phones.check()?;
        ensure!(Instant::now() < deadline, "fewer than {ALERTED_HELPERS} helpers were alerted");
        sleep(Duration::from_millis(100)).await;
    }
}

/// Clients that read an emergency as fast as they are answered, on a thread of their own.
struct Readers {
    stop: Arc<AtomicBool>,
    answered: Arc<AtomicUsize>,
    thread: thread::JoinHandle<anyhow::Result<()>>,
}

impl Readers {
    fn start(address: SocketAddr, tokens: Vec<String>, emergency: String) -> Self {
        let (stop, answered) = (Arc::<AtomicBool>::default(), Arc::<AtomicUsize>::default());
        let thread = thread::spawn({
            let (stop, answered) = (Arc::clone(&stop), Arc::clone(&answered));
            move || on_this_thread(read(address, tokens, emergency, stop, answered))
        });
        Self { stop, answered, thread }
    }

    fn answered(&self) -> usize {
        self.answered.load(Relaxed)
    }

    fn stop(self) -> anyhow::Result<()> {
        self.stop.store(true, Relaxed);
        self.thread.join().map_err(|_| anyhow!("reading has failed"))?
    }
}

async fn read(
    address: SocketAddr,
    tokens: Vec<String>,
    emergency: String,
    stop: Arc<AtomicBool>,
    answered: Arc<AtomicUsize>,
) -> anyhow::Result<()> {
    let path: Arc<str> = format!("/api/v1/emergencies/{emergency}").into();
    let mut reading = JoinSet::new();
    for token in tokens {
        let (path, stop, answered) = (Arc::clone(&path), Arc::clone(&stop), Arc::clone(&answered));
        reading.spawn(async move {
            let mut http = Http::connect(address, &token).await?;
            while !stop.load(Relaxed) {
                let status = http.get(&path).await?;
                ensure!(status == 200, "GET {path}: {status}");
                answered.fetch_add(1, Relaxed);
            }
            Ok(())
        });
    }
    while let Some(reader) = reading.join_next().await {
        reader??;
    }
    Ok(())
}

fn on_this_thread<T>(work: impl Future<Output = anyhow::Result<T>>) -> anyhow::Result<T> {
    runtime::Builder::new_current_thread().enable_all().build()?.block_on(work)
}
