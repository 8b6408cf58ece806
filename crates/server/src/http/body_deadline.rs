//! Deadline for the body of a request to the Socket.IO service, which has none of its own.

use std::{
    io::{self, ErrorKind},
    pin::Pin,
    task::{Context, Poll},
    time::Duration,
};

use axum::{
    body::{Body, Bytes, HttpBody},
    extract::Request,
};
use hyper::body::{Frame, SizeHint};
use tokio::time::Sleep;

/// Time in which the body of a poll has to arrive, as that of a REST request. It has at most 64 KiB.
const BODY_TIMEOUT: Duration = Duration::from_secs(30);

/// Puts a deadline on the body of a request. For `axum::middleware::map_request`.
pub(super) async fn limit_body_time(request: Request) -> Request {
    if request.body().is_end_stream() {
        return request;
    }
    request.map(|body| Body::new(TimedBody { body, deadline: Box::pin(tokio::time::sleep(BODY_TIMEOUT)) }))
}

/// Body that fails after its deadline.
struct TimedBody {
    body: Body,
    deadline: Pin<Box<Sleep>>,
}

impl HttpBody for TimedBody {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        // Before the body: a client that trickles always has another byte.
        if self.deadline.as_mut().poll(cx).is_ready() {
            let error = io::Error::new(ErrorKind::TimedOut, "the body did not arrive in time");
            return Poll::Ready(Some(Err(axum::Error::new(error))));
        }
        Pin::new(&mut self.body).poll_frame(cx)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

#[cfg(test)]
mod tests {
    use axum::body::to_bytes;
    use futures_util::stream;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_body_that_trickles_fails_at_its_deadline() {
        let begun = tokio::time::Instant::now();
        let trickle = stream::unfold((), async |()| {
            tokio::time::sleep(Duration::from_secs(1)).await;
            Some((Ok::<_, io::Error>(Bytes::from_static(b"4")), ()))
        });
        let request = limit_body_time(Request::new(Body::from_stream(trickle))).await;
        assert!(to_bytes(request.into_body(), usize::MAX).await.is_err());
        assert_eq!(begun.elapsed(), BODY_TIMEOUT);
    }

    #[tokio::test(start_paused = true)]
    async fn a_body_in_time_arrives_whole() {
        let request = limit_body_time(Request::new(Body::from("40/emergencies,"))).await;
        assert_eq!(to_bytes(request.into_body(), usize::MAX).await.unwrap(), "40/emergencies,");
    }
}
