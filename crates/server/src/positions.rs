//! Positions on their way to the store: gathered for some milliseconds, the latest of each user, one statement.
//!
//! Whoever reports a position is answered after the commit that holds it, or a newer one of the same user.

use std::{
    collections::{HashMap, hash_map::Entry},
    sync::Arc,
    time::Duration,
};

use allynet_domain::{
    UserId,
    port::{Error, Fix, Positions, Result},
};
use async_trait::async_trait;
use metrics::Gauge;
use tokio::sync::{mpsc, oneshot};
use uuid::Uuid;

use crate::measures::PositionMeasures;

/// How long fixes are gathered before they are written. A phone does not notice; a database does.
const GATHERING: Duration = Duration::from_millis(5);
/// The most fixes in one statement, and the most that wait for the next. Beyond it, senders wait.
const MOST: usize = 4096;

/// Told of each position that was stored; returns at once.
pub(crate) type Moved = Box<dyn Fn(&Fix) + Send + Sync>;

type Answer = oneshot::Sender<std::result::Result<(), Arc<Error>>>;

/// The port [`Positions`], gathering what is recorded before it reaches the store.
#[derive(Clone)]
pub(crate) struct Gathered {
    store: Arc<dyn Positions>,
    /// One for each batch that is written at a time. A user's fixes always go to the same, and so stay in order.
    queues: Vec<mpsc::Sender<(Fix, Answer)>>,
    waiting: Gauge,
}

impl Gathered {
    /// Starts gathering, until the last clone is gone, for so many batches at a time. Of each position that was stored
    /// somebody is told.
    pub(crate) fn start(store: &Arc<dyn Positions>, writers: usize, moved: Moved) -> Self {
        let (measures, moved) = (PositionMeasures::new(), Arc::new(moved));
        let start = |_| {
            let (queue, waiting) = mpsc::channel(MOST);
            tokio::spawn(write(store.clone(), waiting, moved.clone(), measures.clone()));
            queue
        };
        let queues = (0..writers).map(start).collect();
        Self { store: store.clone(), queues, waiting: measures.waiting.clone() }
    }

    fn queue(&self, user: UserId) -> Option<&mpsc::Sender<(Fix, Answer)>> {
        // The last bits of an id are random.
        let place = Uuid::from(user).as_bytes()[15];
        self.queues.get(usize::from(place) % self.queues.len().max(1))
    }
}

#[async_trait]
impl Positions for Gathered {
    async fn record(&self, fixes: &[Fix]) -> Result<()> {
        let mut answers = Vec::with_capacity(fixes.len());
        for fix in fixes {
            let (answer, answered) = oneshot::channel();
            let queue = self.queue(fix.user).ok_or_else(|| Error::unavailable("nothing writes positions"))?;
            queue.send((*fix, answer)).await.map_err(Error::unavailable)?;
            self.waiting.increment(1);
            answers.push(answered);
        }
        for answered in answers {
            answered.await.map_err(Error::unavailable)?.map_err(Error::unavailable)?;
        }
        Ok(())
    }

    async fn last(&self, user: UserId) -> Result<Option<Fix>> {
        self.store.last(user).await
    }
}

async fn write(
    store: Arc<dyn Positions>,
    mut waiting: mpsc::Receiver<(Fix, Answer)>,
    moved: Arc<Moved>,
    measures: PositionMeasures,
) {
    let mut batch = Vec::new();
    while waiting.recv_many(&mut batch, MOST).await > 0 {
        tokio::time::sleep(GATHERING).await;
        while batch.len() < MOST
            && let Ok(more) = waiting.try_recv()
        {
            batch.push(more);
        }
        let (fixes, answers): (Vec<Fix>, Vec<Answer>) = batch.drain(..).unzip();
        let fixes = latest(fixes);
        measures.batch_size.record(counted(fixes.len()));
        let written = store.record(&fixes).await.map_err(Arc::new);
        measures.waiting.decrement(counted(answers.len()));
        for answer in answers {
            // One who does not wait any more needs no answer.
            let _ = answer.send(written.clone());
        }
        if written.is_ok() {
            for fix in &fixes {
                moved(fix);
            }
        }
    }
}

/// Of at most [`MOST`].
fn counted(fixes: usize) -> u32 {
    u32::try_from(fixes).unwrap_or(u32::MAX)
}

fn latest(fixes: Vec<Fix>) -> Vec<Fix> {
    let mut latest: HashMap<UserId, Fix> = HashMap::with_capacity(fixes.len());
    for fix in fixes {
        match latest.entry(fix.user) {
            Entry::Occupied(mut known) if known.get().at <= fix.at => {
                known.insert(fix);
            }
            Entry::Occupied(_) => {}
            Entry::Vacant(first) => {
                first.insert(fix);
            }
        }
    }
    latest.into_values().collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use allynet_domain::{Position, port::MockPositions};
    use metrics_exporter_prometheus::PrometheusBuilder;
    use std::{
        collections::HashSet,
        sync::{
            Mutex,
            atomic::{AtomicUsize, Ordering},
        },
    };
    use tokio::sync::Barrier;

    fn fix(user: u128, second: i64) -> Fix {
        #[expect(clippy::cast_precision_loss, reason = "small numbers")]
        let position = Position::new(second as f64, 0.0).unwrap();
        let at = chrono::DateTime::from_timestamp(second, 0).unwrap();
        Fix { user: Uuid::from_u128(user).into(), position, at }
    }

    #[tokio::test(start_paused = true)]
    async fn what_is_reported_together_is_written_together_the_latest_of_each_user() {
        let statements = Arc::new(AtomicUsize::new(0));
        let mut store = MockPositions::new();
        let measuring = PrometheusBuilder::new().build_recorder();
        let _guard = metrics::set_default_local_recorder(&measuring);
        let (counted, waiting, measured) = (statements.clone(), measuring.handle(), measuring.handle());
        store.expect_record().returning(move |fixes| {
            counted.fetch_add(1, Ordering::Relaxed);
            assert!(waiting.render().contains("allynet_positions_waiting 4\n"));
            let mut fixes = fixes.to_vec();
            fixes.sort_by_key(|f| f.user);
            assert_eq!(fixes, [fix(1, 7), fix(2, 5)]);
            Ok(())
        });
        let gathered = Gathered::start(&(Arc::new(store) as _), 1, Box::new(|_| ()));
        let reports = [fix(1, 6), fix(1, 7), fix(2, 5), fix(1, 5)];
        let recorded = reports.map(|fix| {
            let gathered = gathered.clone();
            tokio::spawn(async move { gathered.record(&[fix]).await })
        });
        for outcome in recorded {
            outcome.await.unwrap().unwrap();
        }
        assert_eq!(statements.load(Ordering::Relaxed), 1);
        let text = measured.render();
        for line in
            ["allynet_positions_waiting 0", "allynet_position_batch_size_sum 2", "allynet_position_batch_size_count 1"]
        {
            assert!(text.lines().any(|written| written == line), "{line}: {text}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_failed_statement_fails_everybody_in_it_and_nobody_after() {
        let mut store = MockPositions::new();
        store.expect_record().times(1).returning(|_| Err(Error::unavailable("gone")));
        store.expect_record().returning(|_| Ok(()));
        let gathered = Gathered::start(&(Arc::new(store) as _), 1, Box::new(|_| ()));
        assert!(gathered.record(&[fix(1, 1)]).await.is_err());
        assert!(gathered.record(&[fix(1, 2)]).await.is_ok());
    }

    /// Stores nothing before two batches are there to be stored; one user must not be in both.
    struct InPairs(Barrier, Mutex<HashSet<UserId>>);

    #[async_trait]
    impl Positions for InPairs {
        async fn record(&self, fixes: &[Fix]) -> Result<()> {
            for fix in fixes {
                assert!(self.1.lock().unwrap().insert(fix.user), "twice at once");
            }
            self.0.wait().await;
            for fix in fixes {
                self.1.lock().unwrap().remove(&fix.user);
            }
            Ok(())
        }

        async fn last(&self, _: UserId) -> Result<Option<Fix>> {
            Ok(None)
        }
    }

    #[tokio::test(start_paused = true)]
    async fn two_batches_are_written_at_once_and_no_user_is_in_both() {
        let store: Arc<dyn Positions> = Arc::new(InPairs(Barrier::new(2), Mutex::default()));
        let gathered = Gathered::start(&store, 2, Box::new(|_| ()));
        for second in 0..10 {
            let reports = [1, 2, 1, 2].map(|user| {
                let gathered = gathered.clone();
                async move { gathered.record(&[fix(user, second)]).await }
            });
            let all = futures_util::future::join_all(reports);
            let outcomes = tokio::time::timeout(Duration::from_secs(1), all).await.unwrap();
            assert!(outcomes.iter().all(Result::is_ok));
        }
    }
}
