//! Space of the storage. While little is free, writes that no emergency depends on are refused, so that emergencies can still
//! be stored.
//!
//! Low space is measured on the file system of a SQLite file, and reported by either database when a write did not fit.

use std::{
    io,
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use allynet_domain::{
    Change, Timestamp, UserId,
    port::{self, Changes, Fix, Positions, Report},
};
use async_trait::async_trait;
use parking_lot::Mutex;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

/// Share of free space below which the operator is warned.
const WARNING_SHARE: f64 = 0.2;
const DISK_CHECK_INTERVAL: Duration = Duration::from_secs(1);
/// Time for which other writes are refused after the database had no space for one.
const REFUSAL_AFTER_FULL: Duration = Duration::from_secs(30);

/// Whether the storage has space for writes that no emergency depends on.
#[derive(Debug, Default)]
pub(crate) struct StoragePressure {
    is_low: AtomicBool,
    full_at: Mutex<Option<Instant>>,
}

/// How much space is free, by the limits above.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Space {
    Enough,
    Warning,
    Low,
}

impl StoragePressure {
    /// Whether only emergencies are to be stored.
    pub(crate) fn is_high(&self) -> bool {
        self.is_low.load(Ordering::Relaxed) || self.is_full()
    }

    /// Whether the database had no space for a write a moment ago.
    ///
    /// A probe does not detect this: what it writes fits into space that the database has already.
    fn is_full(&self) -> bool {
        self.full_at.lock().is_some_and(|full_at| full_at.elapsed() < REFUSAL_AFTER_FULL)
    }

    /// Records whether a write failed for want of space.
    fn record<T>(&self, written: &port::Result<T>) {
        if written.as_ref().is_err_and(port::Error::is_storage_full) {
            self.record_full();
        }
    }

    /// Records that a write failed for want of space.
    pub(crate) fn record_full(&self) {
        let before = self.full_at.lock().replace(Instant::now());
        if before.is_none_or(|before| before.elapsed() >= REFUSAL_AFTER_FULL) {
            tracing::warn!("the disk of the database is full: only emergencies are stored for {REFUSAL_AFTER_FULL:?}");
        }
    }

    /// Records whether the disk is nearly full.
    pub(crate) fn set_low(&self, is_low: bool) {
        self.is_low.store(is_low, Ordering::Relaxed);
    }

    /// Records the share of the file system that is free, of which `reserve` is kept for emergencies.
    fn record_free(&self, free: f64, reserve: f64, previous: Space) -> Space {
        let space = match free {
            free if free < reserve => Space::Low,
            free if free <= WARNING_SHARE => Space::Warning,
            _ => Space::Enough,
        };
        self.set_low(space == Space::Low);
        let (percent, reserve) = (format!("{:.1} %", free * 100.0), format!("{:.0} %", reserve * 100.0));
        match space {
            Space::Low if previous < space => {
                tracing::warn!(free = percent, reserve, "disk space is low: only emergencies are stored");
            }
            Space::Warning if previous < space => {
                tracing::warn!(
                    free = percent,
                    reserve,
                    "the disk is more than 80 % full; below the reserve only emergencies are stored"
                );
            }
            Space::Enough if previous > space => tracing::info!(free = percent, "the disk has enough space again"),
            _ => {}
        }
        space
    }
}

/// Watches the file system of a SQLite file until `stop` is cancelled; `reserve` is the percentage kept for emergencies.
pub(crate) async fn watch_disk(pressure: Arc<StoragePressure>, file: PathBuf, reserve: u8, stop: CancellationToken) {
    let folder = file.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new(".")).to_owned();
    watch(pressure, || free_share(&folder), f64::from(reserve) / 100.0, stop).await;
}

async fn watch(
    pressure: Arc<StoragePressure>,
    measure: impl Fn() -> io::Result<f64>,
    reserve: f64,
    stop: CancellationToken,
) {
    let (mut space, mut has_failed) = (Space::Enough, false);
    let mut ticks = tokio::time::interval(DISK_CHECK_INTERVAL);
    while stop.run_until_cancelled(ticks.tick()).await.is_some() {
        match measure() {
            Ok(free) => space = pressure.record_free(free, reserve, space),
            Err(error) if !has_failed => {
                has_failed = true;
                tracing::warn!(%error, "cannot measure the free space of the disk");
            }
            Err(_) => {}
        }
    }
}

/// Share of a file system that is free, as `df` computes it: blocks that are kept for the superuser do not count.
#[expect(clippy::cast_precision_loss, reason = "a share needs no more than 53 bits")]
fn free_share(folder: &Path) -> io::Result<f64> {
    let volume = rustix::fs::statvfs(folder)?;
    let used = volume.f_blocks.saturating_sub(volume.f_bfree);
    let usable = used + volume.f_bavail;
    // A file system without a size, such as some virtual ones, is never full.
    Ok(if usable == 0 { 1.0 } else { volume.f_bavail as f64 / usable as f64 })
}

/// Lets commits and positions through these ports report a full disk. The other writes belong to requests, whose answers report it.
pub(crate) fn observe(changes: [&mut Arc<dyn Changes>; 2], positions: &mut Arc<dyn Positions>) -> Arc<StoragePressure> {
    let pressure = Arc::<StoragePressure>::default();
    for changes in changes {
        *changes = Arc::new(ObservedChanges { inner: changes.clone(), pressure: pressure.clone() });
    }
    *positions = Arc::new(ObservedPositions { inner: positions.clone(), pressure: pressure.clone() });
    pressure
}

/// The port `Positions`, observed for writes that did not fit.
struct ObservedPositions {
    inner: Arc<dyn Positions>,
    pressure: Arc<StoragePressure>,
}

#[async_trait]
impl Positions for ObservedPositions {
    async fn record(&self, reports: &[Report]) -> port::Result<Vec<UserId>> {
        let stored = self.inner.record(reports).await;
        self.pressure.record(&stored);
        stored
    }

    async fn last(&self, user: UserId) -> port::Result<Option<Fix>> {
        self.inner.last(user).await
    }
}

/// The port `Changes`, observed for writes that did not fit.
pub(crate) struct ObservedChanges {
    pub(crate) inner: Arc<dyn Changes>,
    pub(crate) pressure: Arc<StoragePressure>,
}

#[async_trait]
impl Changes for ObservedChanges {
    async fn commit(&self, change: Change) -> port::Result<()> {
        let committed = self.inner.commit(change).await;
        self.pressure.record(&committed);
        committed
    }

    async fn erase_deleted(&self, before: Timestamp, limit: u32) -> port::Result<u64> {
        self.inner.erase_deleted(before, limit).await
    }

    async fn forget_deleted(&self, before: Timestamp, gained_before: Timestamp, limit: u32) -> port::Result<u64> {
        self.inner.forget_deleted(before, gained_before, limit).await
    }

    async fn ready(&self) -> port::Result<()> {
        if self.pressure.is_full() {
            return Err(port::Error::unavailable("the disk of the database was full a moment ago"));
        }
        let ready = self.inner.ready().await;
        self.pressure.record(&ready);
        ready
    }
}

#[cfg(test)]
mod tests {
    use allynet_domain::port::{MockChanges, MockPositions, StorageFull};

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn space_is_reserved_for_emergencies() {
        for (reserve, shares) in [
            (0.05, [(0.5, false), (0.2, false), (0.051, false), (0.049, true), (0.0, true), (0.06, false)].as_slice()),
            (0.3, &[(0.31, false), (0.29, true), (0.21, true)]),
            (0.0, &[(0.01, false), (0.0, false)]),
        ] {
            let pressure = Arc::new(StoragePressure::default());
            let free = Arc::new(Mutex::new(0.5));
            let (measured, stop) = (free.clone(), CancellationToken::new());
            tokio::spawn(watch(pressure.clone(), move || Ok(*measured.lock()), reserve, stop.clone()));
            for (share, is_high) in shares {
                *free.lock() = *share;
                tokio::time::sleep(DISK_CHECK_INTERVAL * 2).await;
                assert_eq!(pressure.is_high(), *is_high, "{share} of {reserve}");
            }
            stop.cancel();
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_write_that_did_not_fit_counts_for_half_a_minute() {
        let mut changes = MockChanges::new();
        changes.expect_ready().returning(|| Ok(()));
        changes.expect_commit().times(1).returning(|_| Err(port::Error::unavailable("gone")));
        changes.expect_commit().times(1).returning(|_| Err(port::Error::unavailable(StorageFull::new("53100"))));
        let pressure = Arc::new(StoragePressure::default());
        let changes = ObservedChanges { inner: Arc::new(changes), pressure: pressure.clone() };
        let change = Change::new(None, Timestamp::UNIX_EPOCH);
        changes.commit(change.clone()).await.unwrap_err();
        assert!(!pressure.is_high());
        changes.ready().await.unwrap();
        changes.commit(change).await.unwrap_err();
        assert!(pressure.is_high());
        changes.ready().await.unwrap_err();
        tokio::time::advance(REFUSAL_AFTER_FULL).await;
        assert!(!pressure.is_high());
        changes.ready().await.unwrap();
    }

    #[tokio::test]
    async fn positions_that_did_not_fit_count_as_well() {
        let mut positions = MockPositions::new();
        positions.expect_record().returning(|_| Err(port::Error::unavailable(StorageFull::new("53100"))));
        let changes = || Arc::new(MockChanges::new()) as Arc<dyn Changes>;
        let mut positions = Arc::new(positions) as Arc<dyn Positions>;
        let pressure = observe([&mut changes(), &mut changes()], &mut positions);
        assert!(!pressure.is_high());
        positions.record(&[]).await.unwrap_err();
        assert!(pressure.is_high());
    }

    #[test]
    fn a_file_system_has_a_free_share() {
        let share = free_share(&std::env::temp_dir()).unwrap();
        assert!((0.0..=1.0).contains(&share), "{share}");
        assert!(free_share(Path::new("/no/such/folder")).is_err());
    }
}
