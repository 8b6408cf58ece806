//! Stampede: fifty helpers accept the same emergency in the same instant, which is what a good wave of alerts leads to.

use std::{sync::Arc, time::Instant};

use anyhow::Context as _;
use tokio::{sync::Barrier, task::JoinSet};

use super::{BenchContext, Owner, meter::Meter};
use crate::{
    load::http::Http,
    server::{Kind, Server},
    sheet::Sheet,
    statistics::Times,
    world::{Database, Population, people::Tokens, places::home},
};

const KINDS: [Kind; 2] = [Kind::Postgres, Kind::Sqlite];
const HELPERS: usize = 50;
const POPULATION: Population = Population { owners: 1, helpers: HELPERS };

/// Runs the scenario. A refused acceptance fails it.
pub(super) async fn run(cx: &BenchContext) -> anyhow::Result<Vec<Sheet>> {
    let tokens = Tokens::new()?;
    let mut sheet = Sheet::new(format!("stampede: {HELPERS} helpers accept one emergency at once"));
    for _ in 0..cx.form.rounds() {
        for kind in KINDS {
            let database = Database::with(&cx.databases, kind, POPULATION).await?;
            measure(cx, kind, &database, &tokens, &mut sheet).await.with_context(|| kind.name())?;
            database.remove().await?;
        }
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
    let mut owner = Owner::new(Http::connect(server.address, &tokens.of(0)?).await?, home(0, HELPERS));
    let mut helpers = Vec::with_capacity(HELPERS);
    for number in 0..HELPERS {
        helpers.push(Http::connect(server.address, &tokens.of(POPULATION.owners + number)?).await?);
    }
    let (mut all, mut slowest) = (Times::default(), Times::default());
    let meter = Meter::start(&server, &cx.databases)?;
    for _ in 0..cx.form.pick(20, 100) {
        let emergency = owner.raise().await?;
        let answers;
        (helpers, answers) = accept(helpers, &emergency).await?;
        if let Some(last) = answers.slowest() {
            slowest.add(last);
        }
        all.extend(answers);
        // Ending it releases the helpers for the next one.
        owner.cancel(&emergency).await?;
    }
    let cost = meter.stop()?;
    sheet.add(kind, "an acceptance, median", "ms", all.percentile(50));
    sheet.add(kind, "slowest acceptance of an emergency, median", "ms", slowest.percentile(50));
    sheet.add(kind, "slowest acceptance of all", "ms", all.percentile(100));
    cost.note(&server, sheet);
    Ok(())
}

/// Sends every acceptance when all helpers are ready to. Returns the connections and how long each answer took.
async fn accept(helpers: Vec<Http>, emergency: &str) -> anyhow::Result<(Vec<Http>, Times)> {
    let start = Arc::new(Barrier::new(helpers.len()));
    let path: Arc<str> = format!("/api/v1/emergencies/{emergency}/respond").into();
    let mut running = JoinSet::new();
    for mut http in helpers {
        let (start, path) = (Arc::clone(&start), Arc::clone(&path));
        running.spawn(async move {
            start.wait().await;
            let sent = Instant::now();
            http.post(&path, "{}").await?;
            anyhow::Ok((http, sent.elapsed()))
        });
    }
    let (mut helpers, mut times) = (Vec::new(), Times::default());
    while let Some(accepted) = running.join_next().await {
        let (http, time) = accepted??;
        helpers.push(http);
        times.add(time);
    }
    Ok((helpers, times))
}
