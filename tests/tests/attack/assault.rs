//! Hostile requests that are repeated until the end of a case.

use std::{
    collections::HashMap,
    net::{Ipv4Addr, SocketAddr},
    sync::Arc,
    time::Duration,
};

use allynet_tests::service::http::Request;
use parking_lot::Mutex;
use tokio::{task::JoinSet, time::sleep};

use crate::form::eventually;

/// The pause after a request that was refused or lost, so that the load generator does not take the processors itself.
const PAUSE_AFTER_REFUSAL: Duration = Duration::from_millis(20);

/// Tasks that send requests until it is dropped.
pub(crate) struct Assault {
    _tasks: JoinSet<()>,
    answers: Arc<Mutex<HashMap<u16, usize>>>,
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
        let answers = Arc::<Mutex<HashMap<u16, usize>>>::default();
        let mut tasks = JoinSet::new();
        for n in 0..parallel {
            let (request, token, answers) = (request(n).from_address(from), token.to_owned(), Arc::clone(&answers));
            tasks.spawn(async move {
                loop {
                    let status = request.send(to, &token).await.map_or(0, |answer| answer.status);
                    *answers.lock().entry(status).or_default() += 1;
                    if !is_granted(status) {
                        sleep(PAUSE_AFTER_REFUSAL).await;
                    }
                }
            });
        }
        let assault = Self { _tasks: tasks, answers };
        eventually("a hostile request is answered", async || assault.answers.lock().keys().any(|status| *status != 0))
            .await;
        assault
    }

    /// The number of requests that were answered with this status; 0 for those that were lost.
    pub(crate) fn answered(&self, status: u16) -> usize {
        self.answers.lock().get(&status).copied().unwrap_or_default()
    }

    /// The number of requests that were granted.
    pub(crate) fn granted(&self) -> usize {
        self.answers.lock().iter().filter(|(status, _)| is_granted(**status)).map(|(_, count)| count).sum()
    }
}

fn is_granted(status: u16) -> bool {
    (200..300).contains(&status)
}
