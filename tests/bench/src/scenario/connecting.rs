//! Connecting: thousands of sockets with tokens, as after a restart, and the memory of each idle socket.

use std::time::{Duration, Instant};

use anyhow::Context as _;
use tokio::time::sleep;

use super::{BenchContext, meter::Meter};
use crate::{
    load::crowd::{self, Crowd},
    server::{Kind, Server},
    sheet::{Sheet, Target},
    world::{Database, Population, people::Tokens},
};

const KINDS: [Kind; 4] = [Kind::Postgres, Kind::Peer, Kind::Bare, Kind::Sqlite];
const POPULATION: Population = Population { owners: 0, helpers: 10_000 };
/// The time until temporary memory is released.
const SETTLE_TIME: Duration = Duration::from_secs(3);
const KILOBYTE: f64 = 1e3;

const CONNECT_RATE: &str = "connected";
const MEMORY: &str = "memory per idle socket";

/// Runs the scenario.
pub(super) async fn run(cx: &BenchContext) -> anyhow::Result<Vec<Sheet>> {
    let tokens = Tokens::new()?;
    let mut databases = Vec::new();
    for kind in KINDS {
        databases.push(Database::with(&cx.databases, kind, POPULATION).await?);
    }
    let sockets = cx.form.pick(4_000, POPULATION.helpers);
    let mut sheet = Sheet::new(format!("connecting {sockets} sockets with tokens"));
    for _ in 0..cx.form.rounds() {
        for (kind, database) in KINDS.into_iter().zip(&databases) {
            let database = database.copy().await?;
            measure(cx, kind, &database, (sockets, &tokens), &mut sheet).await.with_context(|| kind.name())?;
            database.remove().await?;
        }
    }
    for kind in [Kind::Postgres, Kind::Sqlite] {
        sheet.expect(kind, CONNECT_RATE, Target::TimesAtLeast(2.0, Kind::Peer));
        sheet.expect(kind, MEMORY, Target::TimesAtMost(1.0, Kind::Bare));
        sheet.expect(kind, MEMORY, Target::TimesAtMost(1.0, Kind::Peer));
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
    (sockets, tokens): (usize, &Tokens),
    sheet: &mut Sheet,
) -> anyhow::Result<()> {
    let server = Server::start(kind, &database.url()).await?;
    let phones: Vec<String> = (0..sockets).map(|n| tokens.of(n)).collect::<anyhow::Result<_>>()?;
    let empty = server.usage()?.resident;
    let (meter, begun) = (Meter::start(&server, &cx.databases)?, Instant::now());
    let connected = crowd::connect(server.address, &phones).await?;
    let took = begun.elapsed();
    let cost = meter.stop()?;
    let crowd = Crowd::listen(connected);
    sleep(SETTLE_TIME).await;
    let full = server.usage()?.resident;
    drop(crowd);
    let sockets = f64::from(u32::try_from(sockets)?);
    sheet.add(kind, CONNECT_RATE, "1/s", sockets / took.as_secs_f64());
    sheet.add(kind, MEMORY, "KB", (full - empty) / sockets / KILOBYTE);
    sheet.add(kind, "CPU per connection", "µs", cost.cpu.as_secs_f64() * 1e6 / sockets);
    cost.note(&server, sheet);
    Ok(())
}
