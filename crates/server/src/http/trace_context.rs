//! W3C Trace Context (<https://www.w3.org/TR/trace-context/>): the trace that a client or a proxy names in `traceparent` is
//! named in the log and in the answer, with a span id of this request.
//!
//! A request without the header starts no trace.

use std::sync::Arc;

use allynet_domain::port::Ids;
use axum::{
    extract::{Request, State},
    http::{HeaderMap, HeaderName, HeaderValue},
    middleware::Next,
    response::Response,
};

/// The header that carries the trace, both ways.
pub(super) const TRACEPARENT: HeaderName = HeaderName::from_static("traceparent");

/// The length of a header of version 00, in bytes.
const LENGTH: usize = 55;

/// The trace that a request belongs to: 32 hexadecimal digits.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct TraceId(pub(super) String);

/// Attaches the [`TraceId`] of the request, and answers with it.
pub(super) async fn continue_trace(State(ids): State<Arc<dyn Ids>>, mut request: Request, next: Next) -> Response {
    let Some((trace, is_sampled)) = parse(request.headers()) else { return next.run(request).await };
    request.extensions_mut().insert(TraceId(trace.clone()));
    let mut response = next.run(request).await;
    // The second half of an id: random but for two bits, which are never both zero.
    let span = ids.next().as_u64_pair().1;
    if let Ok(value) = HeaderValue::try_from(format!("00-{trace}-{span:016x}-{:02x}", u8::from(is_sampled))) {
        response.headers_mut().insert(TRACEPARENT, value);
    }
    response
}

/// The trace id and whether the trace is sampled; `None` for a header that the specification tells to ignore.
fn parse(headers: &HeaderMap) -> Option<(String, bool)> {
    let mut values = headers.get_all(TRACEPARENT).iter();
    let (Some(value), None) = (values.next(), values.next()) else { return None };
    let text = value.to_str().ok()?;
    let (head, rest) = text.split_at_checked(LENGTH)?;
    let parts: Vec<&str> = head.split('-').collect();
    let [version, trace, parent, flags] = parts[..] else { return None };
    let is_hex =
        |text: &str, length| text.len() == length && text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
    let is_id = |text: &str, length| is_hex(text, length) && text.bytes().any(|byte| byte != b'0');
    // Later versions may add parts.
    let is_version = is_hex(version, 2) && version != "ff";
    let is_end = if version == "00" { rest.is_empty() } else { rest.is_empty() || rest.starts_with('-') };
    let is_valid = is_version && is_end && is_id(trace, 32) && is_id(parent, 16) && is_hex(flags, 2);
    let is_sampled = u8::from_str_radix(flags, 16).ok()? & 1 == 1;
    is_valid.then(|| (trace.to_owned(), is_sampled))
}

#[cfg(test)]
mod tests {
    use super::*;

    const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";

    fn parsed(values: &[&str]) -> Option<(String, bool)> {
        let headers = values.iter().map(|value| (TRACEPARENT, HeaderValue::from_str(value).unwrap()));
        parse(&headers.collect())
    }

    #[test]
    fn a_trace_is_recognized_by_the_rules_of_the_specification() {
        let of = |text: &str| parsed(&[text]);
        assert_eq!(of(&format!("00-{TRACE}-00f067aa0ba902b7-01")), Some((TRACE.to_owned(), true)));
        assert_eq!(of(&format!("00-{TRACE}-00f067aa0ba902b7-02")), Some((TRACE.to_owned(), false)));
        assert_eq!(of(&format!("cc-{TRACE}-00f067aa0ba902b7-01-more")), Some((TRACE.to_owned(), true)));
        for wrong in [
            String::new(),
            TRACE.to_owned(),
            format!("00-{TRACE}-00f067aa0ba902b7-0"),
            format!("00-{TRACE}-00f067aa0ba902b7-01-more"),
            format!("cc-{TRACE}-00f067aa0ba902b7-01more"),
            format!("ff-{TRACE}-00f067aa0ba902b7-01"),
            format!("00-{}-00f067aa0ba902b7-01", TRACE.to_uppercase()),
            format!("00-{}-00f067aa0ba902b7-01", "0".repeat(32)),
            format!("00-{TRACE}-{}-01", "0".repeat(16)),
            format!("00-{TRACE}-00f067aa0ba902b7-zz"),
            format!("00-{TRACE}--0f067aa0ba902b7-01"),
        ] {
            assert_eq!(of(&wrong), None, "{wrong}");
        }
        let twice = format!("00-{TRACE}-00f067aa0ba902b7-01");
        assert_eq!(parsed(&[&twice, &twice]), None);
    }
}
