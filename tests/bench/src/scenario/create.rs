//! Create: `POST /emergencies` and `POST /:id/cancel` by 32 concurrent owners, in cities with helpers, of whom fifty are
//! alerted each time.

use std::time::{Duration, Instant};

use anyhow::{Context as _, ensure};
use tokio::{task::JoinSet, time::sleep_until};

use super::{BenchContext, Owner, meter::Meter};
use crate::{
    load::http::Http,
    server::{Kind, Server},
    sheet::{Sheet, Target},
    statistics::Times,
    world::{
        Database, Population,
        people::Tokens,
        places::{Chance, somewhere},
    },
};

const KINDS: [Kind; 3] = [Kind::Postgres, Kind::Peer, Kind::Sqlite];
const CONCURRENT_OWNERS: usize = 32;
const POPULATION: Population = Population { owners: CONCURRENT_OWNERS, helpers: 10_000 };

const RAISE_RATE: &str = "created and cancelled";
const RAISE_LATENCY: &str = "`POST /emergencies`, p99";

/// The latencies of one owner.
#[derive(Default)]
struct Waits {
    created: Times,
    cancelled: Times,
}

/// Runs the scenario.
pub(super) async fn run(cx: &BenchContext) -> anyhow::Result<Vec<Sheet>> {
    let tokens = Tokens::new()?;
    let mut databases = Vec::new();
    for kind in KINDS {
        databases.push(Database::with(&cx.databases, kind, POPULATION).await?);
    }
    let mut sheet = Sheet::new(format!("create and cancel, {CONCURRENT_OWNERS} at once"));
    for _ in 0..cx.form.rounds() {
        for (kind, database) in KINDS.into_iter().zip(&databases) {
            let database = database.copy().await?;
            measure(cx, kind, &database, &tokens, &mut sheet).await.with_context(|| kind.name())?;
            database.remove().await?;
        }
    }
    for kind in [Kind::Postgres, Kind::Sqlite] {
        sheet.expect(kind, RAISE_RATE, Target::TimesAtLeast(5.0, Kind::Peer));
        sheet.expect(kind, RAISE_LATENCY, Target::TimesAtMost(0.25, Kind::Peer));
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
    let from = Instant::now() + cx.form.warm_up();
    let until = from + cx.form.pick(Duration::from_secs(2), Duration::from_secs(10));
    let mut owners = JoinSet::new();
    for number in 0..CONCURRENT_OWNERS {
        let http = Http::connect(server.address, &tokens.of(number)?).await?;
        owners.spawn(press(http, number, from, until));
    }
    sleep_until(from.into()).await;
    let meter = Meter::start(&server, &cx.databases)?;
    sleep_until(until.into()).await;
    let cost = meter.stop()?;

    let mut all = Waits::default();
    while let Some(waits) = owners.join_next().await {
        let Waits { created, cancelled } = waits??;
        all.created.extend(created);
        all.cancelled.extend(cancelled);
    }
    let cycles = f64::from(u32::try_from(all.cancelled.count())?);
    sheet.add(kind, RAISE_RATE, "1/s", cycles / cost.took.as_secs_f64());
    sheet.add(kind, "`POST /emergencies`, median", "ms", all.created.percentile(50));
    sheet.add(kind, RAISE_LATENCY, "ms", all.created.percentile(99));
    sheet.add(kind, "`POST /:id/cancel`, p99", "ms", all.cancelled.percentile(99));
    sheet.add(kind, "CPU per cycle", "µs", cost.cpu.as_secs_f64() * 1e6 / cycles);
    cost.note(&server, sheet);
    Ok(())
}

/// Raises and cancels emergencies at random positions in the cities.
async fn press(http: Http, number: usize, from: Instant, until: Instant) -> anyhow::Result<Waits> {
    let mut chance = Chance::new(number as u64);
    let mut owner = Owner::new(http, somewhere(POPULATION.helpers, &mut chance));
    let mut waits = Waits::default();
    while Instant::now() < until {
        owner.goes_to(somewhere(POPULATION.helpers, &mut chance));
        let begun = Instant::now();
        let emergency = owner.raise().await?;
        let created = begun.elapsed();
        let cancelling = Instant::now();
        owner.cancel(&emergency).await?;
        if begun >= from && Instant::now() < until {
            waits.created.add(created);
            waits.cancelled.add(cancelling.elapsed());
        }
    }
    ensure!(owner.near > 0, "there are no helpers");
    Ok(waits)
}
