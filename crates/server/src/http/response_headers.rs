//! Headers that every answer carries, and what an answer says about the connection of its request.

use allynet_rest::Authenticated;
use allynet_transport::Connection;
use allynet_wire::client::ViaTrustedProxy;
use axum::{
    extract::Request,
    http::{
        HeaderMap, HeaderName, HeaderValue,
        header::{CACHE_CONTROL, STRICT_TRANSPORT_SECURITY, X_CONTENT_TYPE_OPTIONS},
    },
    middleware::Next,
    response::Response,
};

const FORWARDED_PROTO: HeaderName = HeaderName::from_static("x-forwarded-proto");
/// A year, in seconds.
const HSTS: HeaderValue = HeaderValue::from_static("max-age=31536000");

/// Adds security headers to the answer of a request, and records on its connection that the client has authenticated.
///
/// The extensions of the request must hold its [`Connection`], and [`ViaTrustedProxy`] where that applies.
pub(super) async fn finish_response(request: Request, next: Next) -> Response {
    let connection = request.extensions().get::<Connection>().cloned();
    let is_https = request.extensions().get::<ViaTrustedProxy>().is_some() && came_by_https(request.headers());
    let mut response = next.run(request).await;
    if let (Some(connection), Some(Authenticated)) = (connection, response.extensions().get()) {
        connection.activity.authenticate();
    }
    let headers = response.headers_mut();
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    // What may be stored says so itself; everything else may be about a person.
    headers.entry(CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
    if is_https {
        headers.insert(STRICT_TRANSPORT_SECURITY, HSTS);
    }
    response
}

/// Whether the client reached the proxy by HTTPS. The last value is the one of the nearest proxy.
fn came_by_https(headers: &HeaderMap) -> bool {
    let last = headers.get_all(FORWARDED_PROTO).iter().next_back().and_then(|value| value.to_str().ok());
    let last = last.and_then(|list| list.rsplit(',').next());
    last.is_some_and(|scheme| scheme.trim().eq_ignore_ascii_case("https"))
}
