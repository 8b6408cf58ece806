//! Start: from `exec` until `/readyz` answers 200, on a new file and on large databases.

use anyhow::Context as _;

use super::BenchContext;
use crate::{
    server::{Kind, Server},
    sheet::{Sheet, Target},
    world::{Database, Population},
};

/// Runs the scenario.
pub(super) async fn run(cx: &BenchContext) -> anyhow::Result<Vec<Sheet>> {
    let mut sheet = Sheet::new("from the start to ready");
    let empty = "on nothing";
    for _ in 0..cx.form.pick(3, 9) {
        let database = Database::new(&cx.databases, Kind::Sqlite).await?;
        start(Kind::Sqlite, &database, empty, &mut sheet).await?;
        database.remove().await?;
    }
    sheet.expect(Kind::Sqlite, empty, Target::AtMost(150.0));
    let helpers = cx.form.pick(20_000, 1_000_000);
    let full = format!("on {helpers} helpers");
    for kind in [Kind::Postgres, Kind::Sqlite, Kind::Peer] {
        let database = Database::with(&cx.databases, kind, Population { owners: 0, helpers }).await?;
        for _ in 0..cx.form.pick(3, 9) {
            start(kind, &database, &full, &mut sheet).await?;
        }
        database.remove().await?;
    }
    for kind in [Kind::Postgres, Kind::Sqlite] {
        sheet.expect(kind, &full, Target::AtMost(500.0));
    }
    Ok(vec![sheet])
}

async fn start(kind: Kind, database: &Database, on: &str, sheet: &mut Sheet) -> anyhow::Result<()> {
    let server = Server::start(kind, &database.url()).await.with_context(|| kind.name())?;
    sheet.add(kind, on, "ms", server.started_in.as_secs_f64() * 1e3);
    Ok(())
}
