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
    queue: mpsc::Sender<(Fix, Answer)>,
    waiting: Gauge,
}

impl Gathered {
    /// Starts gathering, until the last clone is gone. Of each position that was stored somebody is told.
    pub(crate) fn start(store: Arc<dyn Positions>, moved: Moved) -> Self {
        let (queue, waiting) = mpsc::channel(MOST);
        let measures = PositionMeasures::new();
        let gathered = Self { store: store.clone(), queue, waiting: measures.waiting.clone() };
        tokio::spawn(write(store, waiting, moved, measures));
        gathered
    }
}

#[async_trait]
impl Positions for Gathered {
    async fn record(&self, fixes: &[Fix]) -> Result<()> {
        let mut answers = Vec::with_capacity(fixes.len());
        for fix in fixes {
            let (answer, answered) = oneshot::channel();
            self.queue.send((*fix, answer)).await.map_err(Error::unavailable)?;
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
    moved: Moved,
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
    use std::sync::atomic::{AtomicUsize, Ordering};
    use uuid::Uuid;

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
        let gathered = Gathered::start(Arc::new(store), Box::new(|_| ()));
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
        let gathered = Gathered::start(Arc::new(store), Box::new(|_| ()));
        assert!(gathered.record(&[fix(1, 1)]).await.is_err());
        assert!(gathered.record(&[fix(1, 2)]).await.is_ok());
    }
}
