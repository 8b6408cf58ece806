//! Fan-out: `emergency:created` from the request to the socket of every helper, then `emergency:ended`. And the latency of
//! `GET /:id` while thousands of sockets are written to.

use std::{
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering::Relaxed},
    },
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context as _, anyhow, ensure};
use tokio::{runtime, task::JoinSet, time::sleep};

use super::{BenchContext, Owner, meter::Meter};
use crate::{
    load::{crowd, crowd::Crowd, http::Http},
    server::{Kind, Server},
    sheet::{Sheet, Target},
    statistics::{Times, median},
    world::{Database, Population, people::Tokens, places::FAR_FROM_ALL_CITIES},
};

const KINDS: [Kind; 5] = [Kind::Postgres, Kind::Peer, Kind::Bare, Kind::Sqlite, Kind::Frames];
const POPULATION: Population = Population { owners: 2, helpers: 10_000 };
/// Emergencies before the measurement, so that the peer's code is compiled.
const WARM_UP_EMERGENCIES: usize = 3;
/// The clients that read during fan-out, each with a pause between an answer and the next request.
const CONCURRENT_READERS: usize = 8;
const READ_INTERVAL: Duration = Duration::from_millis(50);

const CPU: &str = "CPU per delivery";
const LAST_SOCKET: &str = "to the last socket";
const READ_LATENCY: &str = "`GET /:id` meanwhile, p99";

/// Runs the scenario.
pub(super) async fn run(cx: &BenchContext) -> anyhow::Result<Vec<Sheet>> {
    let tokens = Tokens::new()?;
    let mut databases = Vec::new();
    for kind in KINDS {
        databases.push(Database::with(&cx.databases, kind, POPULATION).await?);
    }
    let mut sheets = Vec::new();
    for size in cx.form.pick(vec![1_000, 5_000], vec![1_000, 5_000, 10_000]) {
        let mut sheet = Sheet::new(format!("fan-out to {size} sockets"));
        for _ in 0..cx.form.rounds() {
            for (kind, database) in KINDS.into_iter().zip(&databases) {
                let database = database.copy().await?;
                measure(cx, kind, &database, size, &tokens, &mut sheet).await.with_context(|| kind.name())?;
                database.remove().await?;
            }
        }
        expect(&mut sheet, size);
        sheets.push(sheet);
    }
    for database in databases {
        database.remove().await?;
    }
    Ok(sheets)
}

fn expect(sheet: &mut Sheet, size: usize) {
    for kind in [Kind::Postgres, Kind::Sqlite] {
        sheet.expect(kind, CPU, Target::TimesAtMost(1.15, Kind::Bare));
        sheet.expect(kind, CPU, Target::TimesAtMost(0.5, Kind::Peer));
        sheet.expect(kind, LAST_SOCKET, Target::TimesAtMost(0.6, Kind::Peer));
        if size == 10_000 {
            sheet.expect(kind, READ_LATENCY, Target::TimesAtMost(0.2, Kind::Peer));
        }
    }
}

async fn measure(
    cx: &BenchContext,
    kind: Kind,
    database: &Database,
    size: usize,
    tokens: &Tokens,
    sheet: &mut Sheet,
) -> anyhow::Result<()> {
    let server = Server::start(kind, &database.url()).await?;
    let helpers: Vec<String> = (0..size).map(|n| tokens.of(POPULATION.owners + n)).collect::<anyhow::Result<_>>()?;
    let crowd = Crowd::listen(crowd::connect(server.address, &helpers).await?);
    let mut owner = Owner::new(Http::connect(server.address, &tokens.of(0)?).await?, FAR_FROM_ALL_CITIES);
    for _ in 0..WARM_UP_EMERGENCIES {
        once(&mut owner, &crowd).await?;
    }

    let (meter, heard) = (Meter::start(&server, &cx.databases)?, crowd.heard());
    let mut last = Vec::new();
    for _ in 0..cx.form.pick(40_000, 200_000) / size {
        last.push(once(&mut owner, &crowd).await?.as_secs_f64() * 1e3);
    }
    let (cost, heard) = (meter.stop()?, crowd.heard() - heard);
    let deliveries = f64::from(u32::try_from(heard)?);
    sheet.add(kind, CPU, "µs", cost.cpu.as_secs_f64() * 1e6 / deliveries);
    sheet.add(kind, LAST_SOCKET, "ms", median(&last));
    if kind != Kind::Frames {
        let answers = ask(cx, server.address, tokens, &mut owner, &crowd).await?;
        sheet.add(kind, READ_LATENCY, "ms", answers.percentile(99));
    }
    sheet.add(kind, "deliveries", "", deliveries);
    cost.note(&server, sheet);
    Ok(())
}

/// Raises an emergency, waits until all clients have received it, and does the same for its end; returns the first time.
async fn once(owner: &mut Owner, crowd: &Crowd) -> anyhow::Result<Duration> {
    crowd.expect(b"emergency:created");
    let begun = Instant::now();
    let emergency = owner.raise().await?;
    let last = crowd.all().await?;
    crowd.expect(b"emergency:ended");
    owner.cancel(&emergency).await?;
    crowd.all().await?;
    Ok(last - begun)
}

/// Another owner reads an emergency repeatedly, during continuous fan-out.
async fn ask(
    cx: &BenchContext,
    address: SocketAddr,
    tokens: &Tokens,
    owner: &mut Owner,
    crowd: &Crowd,
) -> anyhow::Result<Times> {
    let token = tokens.of(1)?;
    crowd.expect(b"emergency:created");
    let waiting = Owner::new(Http::connect(address, &token).await?, FAR_FROM_ALL_CITIES).raise().await?;
    crowd.all().await?;
    let enough = Arc::new(AtomicBool::new(false));
    let from = Instant::now() + cx.form.warm_up();
    let asking = thread::spawn({
        let enough = Arc::clone(&enough);
        // On a thread of its own, so that work of the other clients does not count as latency.
        move || {
            runtime::Builder::new_current_thread()
                .enable_all()
                .build()?
                .block_on(poll(address, &token, &waiting, from, &enough))
        }
    });
    let until = from + cx.form.pick(Duration::from_secs(1), Duration::from_secs(5));
    while Instant::now() < until {
        once(owner, crowd).await?;
    }
    enough.store(true, Relaxed);
    asking.join().map_err(|_| anyhow!("asking has failed"))?
}

/// Several clients read with pauses; returns the latency of each answer to a request after `from`. Not of the first ones:
/// each connection to the database plans the statement once.
async fn poll(
    address: SocketAddr,
    token: &str,
    emergency: &str,
    from: Instant,
    enough: &Arc<AtomicBool>,
) -> anyhow::Result<Times> {
    let mut asking = JoinSet::new();
    for _ in 0..CONCURRENT_READERS {
        let mut http = Http::connect(address, token).await?;
        let (path, enough) = (format!("/api/v1/emergencies/{emergency}"), Arc::clone(enough));
        asking.spawn(async move {
            let mut times = Times::default();
            while !enough.load(Relaxed) {
                let begun = Instant::now();
                let status = http.get(&path).await?;
                ensure!(status == 200, "GET {path}: {status}");
                if begun >= from {
                    times.add(begun.elapsed());
                }
                sleep(READ_INTERVAL).await;
            }
            Ok(times)
        });
    }
    let mut all = Times::default();
    while let Some(times) = asking.join_next().await {
        all.extend(times??);
    }
    Ok(all)
}
