//! Batches position reports: keeps the latest of each user, and writes one statement.
//!
//! A report is answered after the commit that holds it, or a newer one of the same user. One batch is written at a time:
//! a report that finds no write in progress is written at once, and those that arrive during a write are the next batch.
//! So batches grow with the load, and a lone report waits for nothing.

use std::{
    collections::{HashMap, HashSet, hash_map::Entry},
    sync::Arc,
};

use allynet_domain::{
    UserId,
    port::{Error, Fix, Positions, Report, Result},
};
use async_trait::async_trait;
use metrics::Gauge;
use tokio::sync::{mpsc, oneshot};

use crate::metrics::PositionMetrics;

/// The largest batch, and the capacity of the queue for the next one. When both are full, reporters wait.
const MAX_POSITIONS_PER_BATCH: usize = 4096;

/// Called with each position after it was stored. Must return at once.
pub(crate) type OnStored = Box<dyn Fn(&Report) + Send + Sync>;

/// Sends whether the position was stored.
type Reply = oneshot::Sender<std::result::Result<bool, Arc<Error>>>;

/// The port [`Positions`] with batched writes. Clones share one queue.
#[derive(Clone)]
pub(crate) struct PositionBatcher {
    store: Arc<dyn Positions>,
    queue: mpsc::Sender<(Report, Reply)>,
    waiting: Gauge,
}

impl PositionBatcher {
    /// Starts the writing task, which ends after the last clone is dropped and the queue is written.
    pub(crate) fn start(store: Arc<dyn Positions>, on_stored: OnStored) -> Self {
        let metrics = PositionMetrics::new();
        let (queue, waiting) = mpsc::channel(MAX_POSITIONS_PER_BATCH);
        tokio::spawn(write_batches(store.clone(), waiting, on_stored, metrics.clone()));
        Self { store, queue, waiting: metrics.waiting }
    }
}

#[async_trait]
impl Positions for PositionBatcher {
    async fn record(&self, reports: &[Report]) -> Result<Vec<UserId>> {
        let mut written = Vec::with_capacity(reports.len());
        for report in reports {
            let (reply, outcome) = oneshot::channel();
            self.queue.send((*report, reply)).await.map_err(Error::unavailable)?;
            self.waiting.increment(1);
            written.push((report.fix.user, outcome));
        }
        let mut stored = Vec::with_capacity(reports.len());
        for (user, outcome) in written {
            let is_stored = outcome.await.map_err(Error::unavailable)?.map_err(Error::unavailable)?;
            stored.extend(is_stored.then_some(user));
        }
        Ok(stored)
    }

    async fn last(&self, user: UserId) -> Result<Option<Fix>> {
        self.store.last(user).await
    }
}

async fn write_batches(
    store: Arc<dyn Positions>,
    mut queue: mpsc::Receiver<(Report, Reply)>,
    on_stored: OnStored,
    metrics: PositionMetrics,
) {
    let mut batch = Vec::new();
    while queue.recv_many(&mut batch, MAX_POSITIONS_PER_BATCH).await > 0 {
        // Lets the tasks run that are ready now, which takes no time on an idle node: on a busy one their reports join
        // this batch, instead of making one of a few while the rest waits for the next write.
        tokio::task::yield_now().await;
        while batch.len() < MAX_POSITIONS_PER_BATCH
            && let Ok(more) = queue.try_recv()
        {
            batch.push(more);
        }
        let latest = latest_per_user(batch.iter().map(|(report, _)| *report));
        let reports: Vec<Report> = latest.values().map(|&(_, report)| report).collect();
        metrics.batch_size.record(to_u32(reports.len()));
        // One failure fails the whole batch, so the error is shared.
        let written = store.record(&reports).await.map(HashSet::<UserId>::from_iter).map_err(Arc::new);
        metrics.waiting.decrement(to_u32(batch.len()));
        for (index, (report, reply)) in batch.drain(..).enumerate() {
            let user = report.fix.user;
            let is_latest = latest.get(&user).is_some_and(|&(latest, _)| latest == index);
            let outcome = written.as_ref().map(|stored| is_latest && stored.contains(&user));
            // A reporter that has gone needs no reply.
            let _ = reply.send(outcome.map_err(Arc::clone));
        }
        // After the replies: nothing that observes positions may delay them.
        if let Ok(stored) = &written {
            reports.iter().filter(|report| stored.contains(&report.fix.user)).for_each(&on_stored);
        }
    }
}

/// Exact, as no batch exceeds [`MAX_POSITIONS_PER_BATCH`].
fn to_u32(count: usize) -> u32 {
    u32::try_from(count).unwrap_or(u32::MAX)
}

/// The latest position of each user, with its place in the batch; of two with the same time the one that was reported
/// later. One that its session took before another is not later, whenever it was received.
fn latest_per_user(reports: impl ExactSizeIterator<Item = Report>) -> HashMap<UserId, (usize, Report)> {
    let mut latest: HashMap<UserId, (usize, Report)> = HashMap::with_capacity(reports.len());
    for (index, report) in reports.enumerate() {
        match latest.entry(report.fix.user) {
            Entry::Occupied(mut known) => {
                let before = known.get().1;
                if before.fix.at <= report.fix.at && !report.is_older_than(&before) {
                    known.insert((index, report));
                }
            }
            Entry::Vacant(first) => {
                first.insert((index, report));
            }
        }
    }
    latest
}

#[cfg(test)]
mod tests {
    use super::*;
    use allynet_domain::{
        Position,
        port::{DeviceTime, MockPositions},
    };
    use metrics_exporter_prometheus::PrometheusBuilder;
    use std::sync::{
        Mutex,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    };
    use std::time::Duration;
    use uuid::Uuid;

    fn report(user: u128, second: i64) -> Report {
        #[expect(clippy::cast_precision_loss, reason = "small numbers")]
        let position = Position::new(second as f64, 0.0).unwrap();
        let at = chrono::DateTime::from_timestamp(second, 0).unwrap();
        Fix { user: Uuid::from_u128(user).into(), position, at }.into()
    }

    #[tokio::test(start_paused = true)]
    async fn concurrent_reports_become_one_statement_with_the_latest_of_each_user() {
        let statements = Arc::new(AtomicUsize::new(0));
        let mut store = MockPositions::new();
        let measuring = PrometheusBuilder::new().build_recorder();
        let _guard = metrics::set_default_local_recorder(&measuring);
        let (counted, waiting, measured) = (statements.clone(), measuring.handle(), measuring.handle());
        store.expect_record().returning(move |reports| {
            counted.fetch_add(1, Ordering::Relaxed);
            assert!(waiting.render().contains("allynet_positions_waiting 4\n"));
            let mut reports = reports.to_vec();
            reports.sort_by_key(|report| report.fix.user);
            assert_eq!(reports, [report(1, 7), report(2, 5)]);
            Ok(reports.into_iter().map(|report| report.fix.user).collect())
        });
        let batcher = PositionBatcher::start(Arc::new(store), Box::new(|_| ()));
        let reports = [report(1, 6), report(1, 7), report(2, 5), report(1, 5)];
        let recorded = reports.map(|report| {
            let batcher = batcher.clone();
            tokio::spawn(async move { batcher.record(&[report]).await })
        });
        let mut stored = Vec::new();
        for outcome in recorded {
            stored.push(outcome.await.unwrap().unwrap().len());
        }
        assert_eq!(stored, [0, 1, 1, 0], "only what was written is called stored");
        assert_eq!(statements.load(Ordering::Relaxed), 1);
        let text = measured.render();
        for line in
            ["allynet_positions_waiting 0", "allynet_position_batch_size_sum 2", "allynet_position_batch_size_count 1"]
        {
            assert!(text.lines().any(|written| written == line), "{line}: {text}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_report_that_finds_no_write_in_progress_is_written_at_once() {
        let mut store = MockPositions::new();
        store.expect_record().returning(|_| Ok(Vec::new()));
        let batcher = PositionBatcher::start(Arc::new(store), Box::new(|_| ()));
        let begun = tokio::time::Instant::now();
        for second in 1..=3 {
            batcher.record(&[report(1, second)]).await.unwrap();
        }
        assert_eq!(begun.elapsed(), Duration::ZERO, "it waited for others");
    }

    #[tokio::test(start_paused = true)]
    async fn a_failed_batch_fails_its_reports_and_no_later_one() {
        let mut store = MockPositions::new();
        store.expect_record().times(1).returning(|_| Err(Error::unavailable("gone")));
        store.expect_record().returning(|_| Ok(Vec::new()));
        let batcher = PositionBatcher::start(Arc::new(store), Box::new(|_| ()));
        assert!(batcher.record(&[report(1, 1)]).await.is_err());
        assert!(batcher.record(&[report(1, 2)]).await.is_ok());
    }

    #[test]
    fn of_one_session_the_position_that_was_taken_last_is_the_latest() {
        let taken = |session: u128, second| {
            let session = Uuid::from_u128(session).into();
            Some(DeviceTime { session, at: chrono::DateTime::from_timestamp(second, 0).unwrap() })
        };
        let arrived = |second, taken| Report { taken, ..report(1, second) };
        for (reports, expected) in [
            (vec![arrived(1, taken(1, 50)), arrived(2, taken(1, 49))], 0),
            (vec![arrived(1, taken(1, 50)), arrived(2, taken(1, 50))], 1),
            (vec![arrived(1, taken(1, 50)), arrived(2, taken(2, 49))], 1),
            (vec![arrived(1, taken(1, 50)), arrived(2, None)], 1),
            (vec![arrived(2, None), arrived(1, taken(1, 50))], 0),
        ] {
            let latest = latest_per_user(reports.iter().copied());
            assert_eq!(latest.values().copied().collect::<Vec<_>>(), [(expected, reports[expected])]);
        }
    }

    /// Fails the test when a batch is written while another one is.
    struct OneAtATime {
        writing: AtomicBool,
        sizes: Mutex<Vec<usize>>,
    }

    #[async_trait]
    impl Positions for OneAtATime {
        async fn record(&self, reports: &[Report]) -> Result<Vec<UserId>> {
            assert!(!self.writing.swap(true, Ordering::SeqCst), "two batches at once");
            self.sizes.lock().unwrap().push(reports.len());
            tokio::time::sleep(Duration::from_millis(100)).await;
            self.writing.store(false, Ordering::SeqCst);
            Ok(Vec::new())
        }

        async fn last(&self, _: UserId) -> Result<Option<Fix>> {
            Ok(None)
        }
    }

    #[tokio::test(start_paused = true)]
    async fn reports_during_a_write_are_collected_into_the_next_batch() {
        let store = Arc::new(OneAtATime { writing: AtomicBool::new(false), sizes: Mutex::default() });
        let batcher = PositionBatcher::start(store.clone(), Box::new(|_| ()));
        let reports = (0..30).map(|user| {
            let batcher = batcher.clone();
            async move {
                tokio::time::sleep(Duration::from_millis(u64::from(user != 0) * 50)).await;
                batcher.record(&[report(user, 1)]).await
            }
        });
        let outcomes = futures_util::future::join_all(reports).await;
        assert!(outcomes.iter().all(Result::is_ok));
        assert_eq!(*store.sizes.lock().unwrap(), [1, 29]);
    }
}
