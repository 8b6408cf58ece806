//! Nearby search: `GET /:id/helpers`, one request at a time, with a growing number of helpers at constant density; and the
//! same search as part of raising an emergency, in waves and by what an alert is worth.

use std::time::{Duration, Instant};

use anyhow::{Context as _, ensure};

use super::{BenchContext, Owner};
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
/// The owners of the searched emergencies, and as many that raise and cancel in turn: the rings of one owner are counted.
const OWNERS: usize = 40;
const WARM_UP: usize = 100;
/// The growth of the median from the fewest helpers to the most.
const GROWTH: &str = "growth of the search";
/// The median of raising an emergency when helpers are chosen by what an alert is worth, to that in waves.
const GAIN: &str = "`POST /emergencies` by gain";

/// Runs the scenario.
pub(super) async fn run(cx: &BenchContext) -> anyhow::Result<Vec<Sheet>> {
    let tokens = Tokens::new()?;
    let mut sheet = Sheet::new("nearby search");
    let sizes = cx.form.pick(vec![10_000, 30_000], vec![10_000, 100_000, 1_000_000]);
    let mut smallest = Vec::new();
    for &helpers in &sizes {
        let mut databases = Vec::new();
        for kind in KINDS {
            databases.push(Database::with(&cx.databases, kind, Population { owners: 2 * OWNERS, helpers }).await?);
        }
        for _ in 0..cx.form.rounds() {
            for (kind, database) in KINDS.into_iter().zip(&databases) {
                let found = measure(cx, kind, database, helpers, &tokens, &mut sheet).await;
                let found = found.with_context(|| kind.name())?;
                if helpers == sizes[0] {
                    smallest.push((kind, found));
                } else if Some(&helpers) == sizes.last()
                    && let Some(first) = smallest.iter().position(|(known, _)| *known == kind)
                {
                    sheet.add(kind, GROWTH, "times", found / smallest.remove(first).1);
                }
            }
        }
        for database in databases {
            database.remove().await?;
        }
    }
    let most = sizes.last().copied().unwrap_or_default();
    sheet.expect(Kind::Postgres, &search(most, 99), Target::AtMost(5.0));
    sheet.expect(Kind::Sqlite, &search(most, 99), Target::AtMost(10.0));
    for kind in [Kind::Postgres, Kind::Sqlite] {
        sheet.expect(kind, GROWTH, Target::AtMost(3.0));
        sheet.expect(kind, &by_gain(most), Target::AtMost(1.1));
    }
    Ok(vec![sheet])
}

fn search(helpers: usize, percent: usize) -> String {
    format!("`GET /:id/helpers` among {helpers}, p{percent}")
}

fn by_gain(helpers: usize) -> String {
    format!("{GAIN} among {helpers}, p50")
}

/// Returns the median of the search.
async fn measure(
    cx: &BenchContext,
    kind: Kind,
    original: &Database,
    helpers: usize,
    tokens: &Tokens,
    sheet: &mut Sheet,
) -> anyhow::Result<f64> {
    let database = original.copy().await?;
    let server = Server::start(kind, &database.url()).await?;
    let mut chance = Chance::new(helpers as u64);
    let mut owners = Vec::new();
    for number in 0..OWNERS {
        let http = Http::connect(server.address, &tokens.of(number)?).await?;
        let mut owner = Owner::new(http, somewhere(helpers, &mut chance));
        let emergency = owner.raise().await?;
        owners.push((owner, format!("/api/v1/emergencies/{emergency}/helpers")));
    }
    let near: u64 = owners.iter().map(|(owner, _)| owner.near).sum();
    ensure!(near > 0, "there are no helpers");
    let mut searches = Times::default();
    for number in 0..WARM_UP + cx.form.pick(200, 1_000) {
        let (owner, path) = &mut owners[number % OWNERS];
        let begun = Instant::now();
        let status = owner.http.get(path).await?;
        ensure!(status == 200, "GET {path}: {status}");
        if number >= WARM_UP {
            searches.add(begun.elapsed());
        }
    }
    let often = cx.form.pick(50, 300);
    let created = raise(&server, often, helpers, tokens, &mut chance).await?;
    sheet.add(kind, search(helpers, 50), "ms", searches.percentile(50));
    sheet.add(kind, search(helpers, 99), "ms", searches.percentile(99));
    sheet.add(kind, format!("`POST /emergencies` among {helpers}, p50"), "ms", created.percentile(50));
    sheet.add(kind, format!("`POST /emergencies` among {helpers}, p99"), "ms", created.percentile(99));
    drop(server);
    database.remove().await?;
    if kind != Kind::Peer {
        let database = original.copy().await?;
        let server = Server::start_with(kind, &database.url(), &[("ALLYNET_DISPATCH", "gain")]).await?;
        let by_worth = raise(&server, often, helpers, tokens, &mut chance).await?;
        sheet.add(kind, by_gain(helpers), "times", by_worth.percentile(50) / created.percentile(50));
        sheet.add(kind, format!("{GAIN} among {helpers}, p99"), "ms", by_worth.percentile(99));
        drop(server);
        database.remove().await?;
    }
    Ok(searches.percentile(50))
}

async fn raise(
    server: &Server,
    often: usize,
    helpers: usize,
    tokens: &Tokens,
    chance: &mut Chance,
) -> anyhow::Result<Times> {
    let mut owners = Vec::new();
    for number in OWNERS..2 * OWNERS {
        let http = Http::connect(server.address, &tokens.of(number)?).await?;
        owners.push(Owner::new(http, somewhere(helpers, chance)));
    }
    let mut times = Times::default();
    for number in 0..often + OWNERS {
        let owner = &mut owners[number % OWNERS];
        owner.goes_to(somewhere(helpers, chance));
        let begun = Instant::now();
        let emergency = owner.raise().await?;
        let took: Duration = begun.elapsed();
        owner.cancel(&emergency).await?;
        // Not measured: the first of each opens connections.
        if number >= OWNERS {
            times.add(took);
        }
    }
    ensure!(owners.iter().map(|owner| owner.near).sum::<u64>() > 0, "there are no helpers");
    Ok(times)
}
