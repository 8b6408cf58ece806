//! Hostile requests that are repeated until the end of a case.

use std::{
    net::{Ipv4Addr, SocketAddr},
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering::Relaxed},
    },
    time::Duration,
};

use allynet_tests::service::http::Request;
use tokio::{task::JoinSet, time::sleep};

/// The pause after a request that was refused or lost, so that the load generator does not take the processors itself.
const PAUSE_AFTER_REFUSAL: Duration = Duration::from_millis(20);

/// Tasks that send requests until it is dropped.
pub(crate) struct Assault {
    _tasks: JoinSet<()>,
    answered: Arc<AtomicUsize>,
}

impl Assault {
    /// Repeats requests on this many connections at a time. `request` gets the number of the task.
    pub(crate) async fn begin(
        parallel: usize,
        from: Ipv4Addr,
        to: SocketAddr,
        token: &str,
        request: impl Fn(usize) -> Request,
    ) -> Self {
        let answered = Arc::<AtomicUsize>::default();
        let mut tasks = JoinSet::new();
        for n in 0..parallel {
            let (request, token, answered) = (request(n).from_address(from), token.to_owned(), Arc::clone(&answered));
            tasks.spawn(async move {
                loop {
                    let granted = request.send(to, &token).await.is_ok_and(|answer| answer.status < 300);
                    answered.fetch_add(1, Relaxed);
                    if !granted {
                        sleep(PAUSE_AFTER_REFUSAL).await;
                    }
                }
            });
        }
        let assault = Self { _tasks: tasks, answered };
        assault.reaches_the_node().await;
        assault
    }

    /// The number of requests that were answered, refused or lost.
    pub(crate) fn answered(&self) -> usize {
        self.answered.load(Relaxed)
    }

    async fn reaches_the_node(&self) {
        while self.answered() == 0 {
            sleep(Duration::from_millis(5)).await;
        }
    }
}
