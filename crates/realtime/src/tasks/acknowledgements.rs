//! Storage of the receipts of alerts, in batches.
//!
//! All helpers of a wave acknowledge it at about the same time. Stored one by one, their acknowledgements would keep
//! other changes of the emergency, and other queries, waiting. Knows nothing of sockets.

use std::{collections::BTreeSet, time::Duration};

use allynet_domain::{
    EmergencyId, Error, port,
    usecase::{
        alerts::{Receipt, record_receipts},
        emergencies::EmergencyPorts,
    },
};
use tokio::sync::mpsc;

use crate::failure::log_fault;

/// How long receipts are collected before they are stored.
const BATCH_DELAY: Duration = Duration::from_millis(20);
/// Maximum number of receipts that are stored at once.
const MAX_BATCH_SIZE: usize = 256;
/// Number of attempts to store a batch while the database is unavailable, half a minute in total.
///
/// After the last one the alerts count as not received, and are sent again.
const MAX_STORE_ATTEMPTS: u32 = 60;
const STORE_RETRY_DELAY: Duration = Duration::from_millis(500);

/// Stores receipts from the queue, for as long as it is polled. `on_received` is called with each emergency whose alerts were received
/// without an acknowledgement: no event tells of those.
pub(crate) async fn store_receipts(
    mut queue: mpsc::Receiver<Receipt>,
    emergencies: &EmergencyPorts,
    on_received: impl Fn(EmergencyId),
) {
    let mut batch = Vec::new();
    while queue.recv_many(&mut batch, MAX_BATCH_SIZE).await > 0 {
        // The first acknowledgement of a wave is followed by those of the other helpers within milliseconds.
        tokio::time::sleep(BATCH_DELAY).await;
        while batch.len() < MAX_BATCH_SIZE
            && let Ok(more) = queue.try_recv()
        {
            batch.push(more);
        }
        batch.sort_unstable();
        batch.dedup();
        if store_batch(emergencies, &batch).await {
            let received = batch.iter().filter(|receipt| !receipt.is_acknowledged);
            received.map(|receipt| receipt.emergency).collect::<BTreeSet<_>>().into_iter().for_each(&on_received);
        }
        batch.clear();
    }
}

/// Stores a batch, with retries. Storing a receipt twice changes nothing. Returns whether it is stored.
async fn store_batch(emergencies: &EmergencyPorts, batch: &[Receipt]) -> bool {
    for attempt in 1..=MAX_STORE_ATTEMPTS {
        match record_receipts(emergencies, batch).await {
            Err(error @ Error::Port(port::Error::Unavailable(_))) if attempt < MAX_STORE_ATTEMPTS => {
                if attempt == 1 {
                    log_fault(&error, "store receipts of alerts, retrying");
                }
                tokio::time::sleep(STORE_RETRY_DELAY).await;
            }
            Err(error) => {
                log_fault(&error, "store receipts of alerts");
                return false;
            }
            Ok(()) => return true,
        }
    }
    false
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use allynet_domain::{
        Timestamp,
        port::{MockChanges, MockClock, MockEmergencies, MockHelpers, MockIds},
        testing,
        usecase::Rules,
    };
    use uuid::Uuid;

    use super::*;

    fn id<I: From<Uuid>>(n: u128) -> I {
        Uuid::from_u128(n).into()
    }

    /// A database that is unavailable so many times, and the size of each batch that it commits after that.
    fn failing(times: usize) -> (EmergencyPorts, mpsc::UnboundedReceiver<usize>) {
        let (committed, commits) = mpsc::unbounded_channel();
        let mut changes = MockChanges::new();
        changes.expect_commit().times(times).returning(|_| Err(port::Error::unavailable("the test says so")));
        changes.expect_commit().returning(move |change| {
            committed.send(change.writes.len()).unwrap();
            Ok(())
        });
        let mut clock = MockClock::new();
        clock.expect_now().return_const(Timestamp::UNIX_EPOCH);
        let ports = EmergencyPorts {
            access_log: testing::no_access_log(),
            emergencies: Arc::new(MockEmergencies::new()),
            helpers: Arc::new(MockHelpers::new()),
            resources: testing::no_resources(),
            changes: Arc::new(changes),
            clock: Arc::new(clock),
            ids: Arc::new(MockIds::new()),
            queue: testing::no_queue(),
            backoff: testing::no_backoff(),
            rules: Rules::default(),
        };
        (ports, commits)
    }

    #[tokio::test(start_paused = true)]
    async fn a_batch_holds_each_receipt_once_and_is_retried_while_the_database_is_unavailable() {
        let (ports, mut commits) = failing(3);
        let (queue, acknowledged) = mpsc::channel(8);
        let answers = async {
            for (n, is_acknowledged) in [(1, true), (2, true), (2, true), (2, false), (3, true)] {
                queue.send(Receipt { emergency: id(7), helper: id(n), session: id(n), is_acknowledged }).await.unwrap();
            }
            assert_eq!(commits.recv().await, Some(3 * 2 + 1));
            queue
                .send(Receipt { emergency: id(7), helper: id(4), session: id(4), is_acknowledged: true })
                .await
                .unwrap();
            assert_eq!(commits.recv().await, Some(2));
        };
        tokio::select! {
            () = store_receipts(acknowledged, &ports, |_| {}) => {}
            () = answers => {}
        }
    }

    #[tokio::test(start_paused = true)]
    async fn an_emergency_whose_alerts_were_received_without_an_acknowledgement_is_reported_once_it_is_stored() {
        let (ports, commits) = failing(1);
        let (queue, receipts) = mpsc::channel(8);
        let (report, mut reported) = mpsc::unbounded_channel();
        let receipt = |emergency, n, is_acknowledged| Receipt {
            emergency: id(emergency),
            helper: id(n),
            session: id(n),
            is_acknowledged,
        };
        for receipt in [receipt(7, 1, false), receipt(7, 2, false), receipt(8, 3, true), receipt(9, 4, false)] {
            queue.send(receipt).await.unwrap();
        }
        drop(queue);
        store_receipts(receipts, &ports, |emergency: EmergencyId| {
            assert_eq!(commits.len(), 1, "after they were stored");
            report.send(emergency).unwrap();
        })
        .await;
        drop(report);
        assert_eq!(reported.recv().await, Some(id(7)));
        assert_eq!(reported.recv().await, Some(id(9)));
        assert_eq!(reported.recv().await, None);
    }
}
