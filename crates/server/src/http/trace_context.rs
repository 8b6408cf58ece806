//! Continues the trace that a client or a proxy names in `traceparent`: the log and the answer name it too.
//!
//! A request without the header starts no trace, unless traces are exported.

use std::sync::Arc;

use allynet_domain::port::Ids;
use axum::{
    extract::{Request, State},
    http::{HeaderMap, HeaderName, HeaderValue},
    middleware::Next,
    response::Response,
};

use crate::traceparent::TraceParent;

/// The header that carries the trace, both ways.
pub(super) const TRACEPARENT: HeaderName = HeaderName::from_static("traceparent");

/// Attaches the [`TraceParent`] of the request, and answers with a span of the same trace.
pub(super) async fn continue_trace(State(ids): State<Arc<dyn Ids>>, mut request: Request, next: Next) -> Response {
    let Some(parent) = parse(request.headers()) else { return next.run(request).await };
    request.extensions_mut().insert(parent.clone());
    let mut response = next.run(request).await;
    // One that is there already names the span that is exported.
    if !response.headers().contains_key(TRACEPARENT) {
        // The second half of an id: random but for two bits, which are never both zero.
        let span = format!("{:016x}", ids.next().as_u64_pair().1);
        name_trace(&mut response, &TraceParent { span, ..parent });
    }
    response
}

/// Names a span in the answer.
pub(super) fn name_trace(response: &mut Response, span: &TraceParent) {
    if let Ok(value) = HeaderValue::try_from(span.to_string()) {
        response.headers_mut().insert(TRACEPARENT, value);
    }
}

/// `None` without a valid header, and for several of them.
fn parse(headers: &HeaderMap) -> Option<TraceParent> {
    let mut values = headers.get_all(TRACEPARENT).iter();
    let (Some(value), None) = (values.next(), values.next()) else { return None };
    value.to_str().ok()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn several_headers_count_as_none() {
        let value = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
        let headers = |count| std::iter::repeat_n((TRACEPARENT, HeaderValue::from_static(value)), count).collect();
        assert_eq!(parse(&headers(1)).map(|parent| parent.to_string()).as_deref(), Some(value));
        assert_eq!(parse(&headers(0)), None);
        assert_eq!(parse(&headers(2)), None);
    }
}
