//! When a request has its permit: while it is carried out, and not while its body arrives.

use std::{
    convert::Infallible,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

use allynet_wire::scheduling::{Overflow, Priority, QueueFull, Requester, Scheduler, WorkPermit};
use async_trait::async_trait;
use axum::{body::Body, http::Method};
use futures_util::{StreamExt as _, poll, stream};
use parking_lot::Mutex;
use tokio::sync::oneshot;

use super::app::{Mocks, USER, bearer, request};

/// Counts the permits in use and records what asked for them.
#[derive(Default)]
struct Counting {
    in_use: Arc<AtomicUsize>,
    asked: Mutex<Vec<(Option<u128>, Priority, Overflow)>>,
}

struct Permit(Arc<AtomicUsize>);

impl Drop for Permit {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::SeqCst);
    }
}

#[async_trait]
impl Scheduler for Counting {
    async fn acquire(&self, who: Requester, priority: Priority, overflow: Overflow) -> Result<WorkPermit, QueueFull> {
        let user = who.user.map(|user| uuid::Uuid::from(user).as_u128());
        self.asked.lock().push((user, priority, overflow));
        self.in_use.fetch_add(1, Ordering::SeqCst);
        Ok(Box::new(Permit(Arc::clone(&self.in_use))))
    }
}

fn scheduled() -> (Mocks, Arc<Counting>) {
    let scheduler = Arc::new(Counting::default());
    (Mocks { scheduler: Some(scheduler.clone()), ..Mocks::default() }, scheduler)
}

#[tokio::test]
async fn a_handler_runs_with_a_permit_which_is_returned_with_the_answer() {
    let (mut mocks, scheduler) = scheduled();
    let in_use = Arc::clone(&scheduler.in_use);
    mocks.emergencies.expect_live_of().returning(move |_| {
        assert_eq!(in_use.load(Ordering::SeqCst), 1);
        Err(allynet_domain::port::Error::unavailable("the test ends here"))
    });
    mocks.app().get_as("user", "/api/v1/emergencies/active").await.assert_failure(503, "unavailable");
    assert_eq!(scheduler.in_use.load(Ordering::SeqCst), 0);
    assert_eq!(*scheduler.asked.lock(), [(Some(USER), Priority::Normal, Overflow::Queued)]);
}

#[tokio::test]
async fn refreshing_waits_its_turn_among_requests_of_its_address_and_is_never_refused() {
    let (mocks, scheduler) = scheduled();
    let answer = mocks.app().json_as("nobody", Method::POST, "/api/v1/auth/refresh", &serde_json::json!({})).await;
    answer.assert_failure(400, "invalid_input");
    assert_eq!(scheduler.in_use.load(Ordering::SeqCst), 0);
    assert_eq!(*scheduler.asked.lock(), [(None, Priority::Normal, Overflow::Queued)]);
}

#[tokio::test]
async fn a_body_that_is_on_its_way_holds_no_permit() {
    let (mocks, scheduler) = scheduled();
    let (send, body) = oneshot::channel::<()>();
    let body = stream::once(async move {
        body.await.ok();
        Ok::<_, Infallible>("[]")
    });
    let post = request(Method::POST, "/api/v1/emergencies")
        .header("authorization", bearer("user"))
        .header("content-type", "application/json");
    let app = mocks.app();
    let mut answer = Box::pin(app.send(post.body(Body::from_stream(body.boxed())).unwrap()));
    assert!(poll!(&mut answer).is_pending());
    assert_eq!((scheduler.in_use.load(Ordering::SeqCst), scheduler.asked.lock().len()), (0, 1));
    send.send(()).unwrap();
    answer.await.assert_failure(400, "invalid_input");
    assert_eq!((scheduler.in_use.load(Ordering::SeqCst), scheduler.asked.lock().len()), (0, 2));
    assert!(scheduler.asked.lock().iter().all(|asked| asked.1 == Priority::High));
}
