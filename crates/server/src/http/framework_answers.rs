//! Failures that no handler answers: those that the HTTP server or the Engine.IO server write without a body. They get the
//! envelope of every other failure.

use allynet_domain::port::Ids as _;
use allynet_rest::Failure;
use allynet_wire::{Problem, problem::faults};
use axum::{
    body::HttpBody as _,
    http::{HeaderValue, StatusCode, header::CONNECTION},
    response::{IntoResponse as _, Response},
};

use super::request_id::REQUEST_ID;
use crate::system::UuidV7Ids;

/// Replaces an answer that the HTTP server writes by itself, because it cannot parse a request. For
/// [`Listener::with_failures`](allynet_transport::Listener::with_failures); `None` for answers of handlers.
pub(crate) fn replace_server_answer(answer: &[u8]) -> Option<Vec<u8>> {
    // Only answers of handlers have passed the layer that adds the id.
    let is_of_handler = answer.windows(REQUEST_ID.as_str().len()).any(|part| part == REQUEST_ID.as_str().as_bytes());
    if is_of_handler {
        return None;
    }
    let status = answer.get(9..12).and_then(|status| StatusCode::from_bytes(status).ok())?;
    let body = serde_json::to_string(&problem(status)).ok()?;
    let reason = status.canonical_reason().unwrap_or_default();
    let (code, length, id) = (status.as_str(), body.len(), UuidV7Ids.next());
    Some(
        format!(
            "HTTP/1.1 {code} {reason}\r\ncontent-type: application/json\r\ncontent-length: {length}\r\n\
             cache-control: no-store\r\nx-content-type-options: nosniff\r\n{REQUEST_ID}: {id}\r\n\
             connection: close\r\n\r\n{body}"
        )
        .into_bytes(),
    )
}

/// Gives a failure without a body the envelope. Middleware around every route.
pub(super) async fn fill_empty_failure(response: Response) -> Response {
    let status = response.status();
    let is_failure = status.is_client_error() || status.is_server_error();
    if !is_failure || response.body().size_hint().exact() != Some(0) {
        return response;
    }
    let mut filled = Failure::from(problem(status)).into_response();
    if let Some(connection) = response.headers().get(CONNECTION) {
        filled.headers_mut().insert(CONNECTION, HeaderValue::clone(connection));
    }
    filled
}

/// The problem that a status stands for where nothing more is known.
fn problem(status: StatusCode) -> Problem {
    match status {
        StatusCode::NOT_FOUND => faults::route_not_found(),
        StatusCode::METHOD_NOT_ALLOWED => faults::method_not_allowed(),
        StatusCode::REQUEST_TIMEOUT => faults::request_timeout(),
        StatusCode::PAYLOAD_TOO_LARGE => faults::body_too_large(),
        StatusCode::URI_TOO_LONG => faults::uri_too_long(),
        StatusCode::UNSUPPORTED_MEDIA_TYPE => faults::unsupported_media_type(),
        StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE => faults::head_too_large(),
        status if status.is_server_error() => faults::internal(),
        _ => faults::malformed_request(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    #[test]
    fn an_answer_of_the_http_server_gets_an_envelope_and_a_request_id() {
        let bare = b"HTTP/1.1 431 Request Header Fields Too Large\r\nconnection: close\r\ncontent-length: 0\r\n\r\n";
        let replaced = String::from_utf8(replace_server_answer(bare).unwrap()).unwrap();
        let (head, body) = replaced.split_once("\r\n\r\n").unwrap();
        assert!(head.starts_with("HTTP/1.1 431 Request Header Fields Too Large\r\n"), "{head}");
        assert!(head.contains("\r\nx-request-id: 0") && head.contains("\r\nconnection: close"), "{head}");
        assert!(head.contains(&format!("\r\ncontent-length: {}\r\n", body.len())), "{head}");
        let body: Value = serde_json::from_str(body).unwrap();
        assert_eq!(body["error"]["reason"], json!("head_too_large"));
    }

    #[test]
    fn an_answer_of_a_handler_is_left_alone() {
        let answer = b"HTTP/1.1 404 Not Found\r\nx-request-id: 1\r\ncontent-length: 2\r\n\r\n{}";
        assert_eq!(replace_server_answer(answer), None);
    }
}
