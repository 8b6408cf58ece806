//! Request ids: the client's `x-request-id` if it is fit for a log, otherwise a new one.

use std::sync::Arc;

use allynet_domain::port::Ids;
use axum::{
    extract::Request,
    http::{HeaderName, HeaderValue},
};
use tower_http::request_id::{MakeRequestId, RequestId};

/// The header that carries the id, both ways.
pub(super) const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// The longest id that is accepted from a client, in bytes.
const MAX_REQUEST_ID_BYTES: usize = 128;

/// Generates request ids with the port [`Ids`].
#[derive(Clone)]
pub(super) struct GenerateRequestId(Arc<dyn Ids>);

impl GenerateRequestId {
    pub(super) fn new(ids: Arc<dyn Ids>) -> Self {
        Self(ids)
    }
}

impl MakeRequestId for GenerateRequestId {
    fn make_request_id<B>(&mut self, _: &Request<B>) -> Option<RequestId> {
        HeaderValue::try_from(self.0.next().to_string()).ok().map(RequestId::new)
    }
}

/// Removes an id that is empty, too long, or not made of visible ASCII: it must not break a line of the log.
pub(super) async fn discard_invalid_request_id(mut request: Request) -> Request {
    if request.headers().get(REQUEST_ID).is_some_and(|id| !is_valid(id)) {
        request.headers_mut().remove(REQUEST_ID);
    }
    request
}

fn is_valid(id: &HeaderValue) -> bool {
    (1..=MAX_REQUEST_ID_BYTES).contains(&id.len()) && id.as_bytes().iter().all(u8::is_ascii_graphic)
}
