//! The deadline of a request: 503 when the service has no answer in time.
//!
//! Each call of the database has a deadline of its own. This one holds for all of them together, so that a database
//! that is slow at every call is answered for as quickly as one that is gone. A commit may have happened all the same: a
//! client repeats the request, as after a lost connection.

use std::{pin::pin, sync::Arc, time::Duration};

use allynet_domain::port;
use axum::{extract::Request, middleware::Next};
use parking_lot::Mutex;
use tokio::time::{Instant, timeout_at};

use crate::answer::{Answer, Failure};

/// The time to answer a request that only reads, not counting the time in which the client sends its body. Leaves 250 ms
/// of the two seconds that are promised for what comes before and after the handler.
const READ_TIMEOUT: Duration = Duration::from_millis(1_750);
/// The same for a request that changes something. It is longer because the change may wait in the queue of its emergency,
/// or for the one writer of SQLite, and a call for help must not be refused for that. What the database does not answer
/// ends sooner all the same, by the deadline of the call.
const CHANGE_TIMEOUT: Duration = Duration::from_secs(5);

/// The deadline of one request, in its extensions. Clones share it.
#[derive(Clone, Debug)]
pub(crate) struct Deadline(Arc<Mutex<Remaining>>);

#[derive(Debug)]
enum Remaining {
    /// Running: expires then.
    Until(Instant),
    /// The body is still arriving: this much is left after it.
    Paused(Duration),
}

/// Pauses a [`Deadline`] until it is dropped.
#[derive(Debug)]
#[must_use]
pub(crate) struct Pause(Deadline);

impl Deadline {
    fn start(timeout: Duration) -> Self {
        Self(Arc::new(Mutex::new(Remaining::Until(Instant::now() + timeout))))
    }

    /// Stops the clock while the client sends its body.
    pub(crate) fn pause(&self) -> Pause {
        let mut remaining = self.0.lock();
        if let Remaining::Until(end) = *remaining {
            *remaining = Remaining::Paused(end.saturating_duration_since(Instant::now()));
        }
        drop(remaining);
        Pause(self.clone())
    }

    /// The earliest instant at which it can expire.
    fn end(&self) -> Instant {
        match *self.0.lock() {
            Remaining::Until(end) => end,
            Remaining::Paused(left) => Instant::now() + left,
        }
    }
}

impl Drop for Pause {
    fn drop(&mut self) {
        let Self(deadline) = self;
        let end = deadline.end();
        *deadline.0.lock() = Remaining::Until(end);
    }
}

/// Answers 503 when the handler takes too long, which is then dropped.
pub(crate) async fn enforce(mut request: Request, next: Next) -> Answer {
    let timeout = if request.method().is_safe() { READ_TIMEOUT } else { CHANGE_TIMEOUT };
    let deadline = Deadline::start(timeout);
    request.extensions_mut().insert(deadline.clone());
    let mut answer = pin!(next.run(request));
    loop {
        let end = deadline.end();
        if let Ok(response) = timeout_at(end, &mut answer).await {
            return Ok(response);
        }
        // A body that was still arriving has moved the deadline: wait again.
        if deadline.end() <= Instant::now() {
            let late = format!("no answer within {timeout:?}");
            return Err(Failure::from(port::Error::unavailable(late)));
        }
    }
}
