//! `allynet import-resources`: defibrillators and other things that help, from an export of OpenStreetMap as `GeoJSON`.
//!
//! The file is read twice: first as a whole, so that nothing is imported of one that is cut off or no `FeatureCollection`, and then in
//! batches. At no time more than a few batches are in memory.

mod feature;
mod geojson;
mod tags;

use std::{
    collections::BTreeMap,
    fs::File,
    io::{self, Write as _},
    path::{Path, PathBuf},
    time::Duration,
};

use allynet_domain::{ImportCounts, ImportedResource, Text, port::Ids as _};
use anyhow::Context as _;
use tokio::{sync::mpsc, time::sleep};

use crate::{settings::Settings, store::Store, system::UuidV7Ids, wiring};

/// Number of resources that are imported in one transaction.
const BATCH_SIZE: usize = 200;
/// Pause after each of them, in which the service writes.
const BATCH_PAUSE: Duration = Duration::from_millis(20);

/// A part of the file: resources without two of one id, and the features that are left out, each with the reason.
#[derive(Default)]
struct Batch {
    resources: BTreeMap<String, ImportedResource>,
    left_out: Vec<String>,
}

/// Imports a file and prints what was done. Each feature that cannot be read is named and left out.
///
/// # Errors
/// Returns an error if the file is no `FeatureCollection`: nothing is imported then; or if the database cannot be used.
pub(crate) async fn import(settings: &Settings, file: &Path) -> anyhow::Result<()> {
    geojson::read(open(file)?, |_| true).with_context(|| file.display().to_string())?;
    let store = Store::open(&settings.database()?).await?;
    let imported = import_into(&store, file.to_owned()).await;
    store.close().await;
    imported
}

async fn import_into(store: &Store, file: PathBuf) -> anyhow::Result<()> {
    let (sender, mut batches) = mpsc::channel(1);
    let reader = tokio::task::spawn_blocking(move || read(&file, &sender));
    let (resources, clock) = (store.ports().resources, wiring::clock());
    let (mut total, mut left_out) = (ImportCounts::default(), 0);
    while let Some(Batch { resources: batch, left_out: named }) = batches.recv().await {
        left_out += named.len();
        print(&named)?;
        let batch: Vec<_> = batch.into_values().collect();
        let ImportCounts { added, updated, kept } = resources.import(&batch, clock.now()).await?;
        total.added += added;
        total.updated += updated;
        total.kept += kept;
        // Writers of SQLite get no turn of their own: without a pause the import would hold up the service.
        sleep(BATCH_PAUSE).await;
    }
    reader.await??;
    let ImportCounts { added, updated, kept } = total;
    print(&[format!(
        "added {added}, updated {updated}, left {kept} as administrators changed them, left out {left_out}"
    )])
}

/// Reads the file and hands over what is in it, until the receiver is gone.
fn read(file: &Path, batches: &mpsc::Sender<Batch>) -> anyhow::Result<()> {
    let (now, mut batch, mut number) = (wiring::clock().now(), Batch::default(), 0_u64);
    let is_read = geojson::read(open(file)?, |feature| {
        number += 1;
        match tags::resource(&feature, now) {
            Ok((osm_id, details, checked_at)) => {
                let imported =
                    ImportedResource { osm_id: osm_id.clone(), id: UuidV7Ids.next().into(), details, checked_at };
                batch.resources.insert(osm_id.as_str().to_owned(), imported);
            }
            Err(reason) => batch.left_out.push(left_out(number, feature.osm_id().as_ref(), &reason)),
        }
        let is_full = batch.resources.len() + batch.left_out.len() >= BATCH_SIZE;
        !is_full || batches.blocking_send(std::mem::take(&mut batch)).is_ok()
    });
    is_read.with_context(|| file.display().to_string())?;
    // Nothing is left to hand over to a receiver that is gone.
    batches.blocking_send(batch).ok();
    Ok(())
}

fn left_out(number: u64, osm_id: Option<&Text<64>>, reason: &str) -> String {
    match osm_id {
        Some(id) => format!("left out: feature {number} ({}): {reason}", id.as_str()),
        None => format!("left out: feature {number}: {reason}"),
    }
}

fn open(file: &Path) -> anyhow::Result<File> {
    File::open(file).with_context(|| format!("cannot read {}", file.display()))
}

fn print(lines: &[String]) -> anyhow::Result<()> {
    let mut output = io::stdout().lock();
    lines.iter().try_for_each(|line| writeln!(output, "{line}"))?;
    Ok(())
}

#[cfg(test)]
mod tests;
