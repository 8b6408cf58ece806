//! Acknowledgements on their way to the store. A wave is answered by all whom it reached at once, so they are gathered for
//! some milliseconds and stored together: one after the other they would keep everything else from the emergency, and from
//! the database.
//!
//! Knows nothing of sockets.

use std::time::Duration;

use allynet_domain::{
    EmergencyId, Error, UserId, port, usecase::alerts::acknowledge, usecase::emergencies::EmergencyPorts,
};
use tokio::sync::{Mutex, mpsc};

use crate::desk::log_fault;

/// How long acknowledgements are gathered before they are stored.
const GATHERING: Duration = Duration::from_millis(20);
/// The most that are stored at once.
const MOST: usize = 256;
/// The most that wait. Beyond it, those who took an acknowledgement wait.
const WAITING: usize = 8192;
/// How often storing is tried while the store does not answer, and the pause in between. After that the alert counts as
/// not acknowledged, and is sent again.
const ATTEMPTS: u32 = 60;
const PAUSE: Duration = Duration::from_millis(500);

/// To what, and whose.
pub(crate) type Received = (EmergencyId, UserId);

/// What was received and is not stored yet.
#[derive(Debug)]
pub(crate) struct Acknowledgements {
    queue: mpsc::Sender<Received>,
    waiting: Mutex<mpsc::Receiver<Received>>,
}

impl Acknowledgements {
    pub(crate) fn new() -> Self {
        let (queue, waiting) = mpsc::channel(WAITING);
        Self { queue, waiting: Mutex::new(waiting) }
    }

    /// Where to say that a device of an alerted helper has the alert.
    pub(crate) fn queue(&self) -> mpsc::Sender<Received> {
        self.queue.clone()
    }

    /// Stores what is received, for as long as it is polled.
    pub(crate) async fn store(&self, emergencies: &EmergencyPorts) {
        let mut waiting = self.waiting.lock().await;
        let mut batch = Vec::new();
        while waiting.recv_many(&mut batch, MOST).await > 0 {
            tokio::time::sleep(GATHERING).await;
            while batch.len() < MOST
                && let Ok(more) = waiting.try_recv()
            {
                batch.push(more);
            }
            batch.sort_unstable();
            batch.dedup();
            store(emergencies, &batch).await;
            batch.clear();
        }
    }
}

async fn store(emergencies: &EmergencyPorts, batch: &[Received]) {
    for attempt in 1..=ATTEMPTS {
        match acknowledge(emergencies, batch).await {
            Err(error @ Error::Port(port::Error::Unavailable(_))) if attempt < ATTEMPTS => {
                if attempt == 1 {
                    log_fault(&error, "storing acknowledgements, trying again");
                }
                tokio::time::sleep(PAUSE).await;
            }
            Err(error) => return log_fault(&error, "storing acknowledgements"),
            Ok(()) => return,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use allynet_domain::{
        Timestamp,
        port::{MockChanges, MockClock, MockEmergencies, MockHelpers, MockIds},
        usecase::Rules,
    };
    use uuid::Uuid;

    use super::*;

    fn id<I: From<Uuid>>(n: u128) -> I {
        Uuid::from_u128(n).into()
    }

    /// A store that fails so many times, and how many acknowledgements each commit held that it took.
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
        let context = EmergencyPorts {
            emergencies: Arc::new(MockEmergencies::new()),
            helpers: Arc::new(MockHelpers::new()),
            changes: Arc::new(changes),
            clock: Arc::new(clock),
            ids: Arc::new(MockIds::new()),
            rules: Rules::default(),
        };
        (context, commits)
    }

    #[tokio::test(start_paused = true)]
    async fn what_comes_at_once_is_stored_at_once_and_survives_a_store_that_is_away() {
        let (cx, mut commits) = failing(3);
        let acknowledgements = Acknowledgements::new();
        let answers = async {
            for n in [1, 2, 2, 3] {
                acknowledgements.queue().send((id(7), id(n))).await.unwrap();
            }
            assert_eq!(commits.recv().await, Some(3));
            acknowledgements.queue().send((id(7), id(4))).await.unwrap();
            assert_eq!(commits.recv().await, Some(1));
        };
        tokio::select! {
            () = acknowledgements.store(&cx) => {}
            () = answers => {}
        }
    }
}
