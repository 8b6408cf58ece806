//! A file as it is served: with an `ETag`, and compressed for clients that accept that.

use std::{fmt::Write as _, io::Write as _};

use axum::{
    body::{Body, Bytes},
    http::{
        HeaderMap, HeaderName, HeaderValue, StatusCode,
        header::{
            ACCEPT_ENCODING, CACHE_CONTROL, CONTENT_ENCODING, CONTENT_SECURITY_POLICY, CONTENT_TYPE, ETAG,
            IF_NONE_MATCH, REFERRER_POLICY, VARY,
        },
    },
    response::{IntoResponse as _, Response},
};
use flate2::{Compression, write::GzEncoder};
use ring::digest::{SHA256, digest};

/// Octets of the hash that an `ETag` shows.
const TAG_OCTETS: usize = 12;
/// A cache may keep a file, and asks each time whether it is still the same.
const REVALIDATE: HeaderValue = HeaderValue::from_static("no-cache");
/// The name of the file contains a hash of what is in it.
const IMMUTABLE: HeaderValue = HeaderValue::from_static("public, max-age=31536000, immutable");
const NO_REFERRER: HeaderValue = HeaderValue::from_static("no-referrer");
const PERMISSIONS_POLICY: HeaderName = HeaderName::from_static("permissions-policy");
/// A page may ask for the place of the device; no frame, and no other sensor.
const PERMISSIONS: HeaderValue = HeaderValue::from_static("geolocation=(self), camera=(), microphone=(), payment=()");

/// A compressed form of a file: the name of its content coding, and its octets.
pub(crate) type Encoded = (&'static str, Bytes);

/// A file in memory.
pub(crate) struct File {
    content_type: &'static str,
    policy: Option<HeaderValue>,
    cache: HeaderValue,
    plain: Bytes,
    /// The smallest first.
    encoded: Vec<Encoded>,
    tag: HeaderValue,
}

impl File {
    /// A file that is compressed now. `policy` is the `Content-Security-Policy` of a page.
    pub(crate) fn new(content_type: &'static str, policy: Option<HeaderValue>, plain: Vec<u8>) -> Self {
        let encoded = compress(&plain).map(|gzip| ("gzip", Bytes::from(gzip)));
        Self::compressed(content_type, policy, plain.into(), encoded.into_iter().collect())
    }

    /// A file that was compressed at build time, the smallest form first.
    pub(crate) fn compressed(
        content_type: &'static str,
        policy: Option<HeaderValue>,
        plain: Bytes,
        encoded: Vec<Encoded>,
    ) -> Self {
        let mut tag = String::from("\"");
        for octet in &digest(&SHA256, &plain).as_ref()[..TAG_OCTETS] {
            // Writing to a string succeeds.
            let _ = write!(tag, "{octet:02x}");
        }
        tag.push('"');
        let tag = HeaderValue::try_from(tag).unwrap_or(HeaderValue::from_static("\"\""));
        Self { content_type, policy, cache: REVALIDATE, plain, encoded, tag }
    }

    /// The same, for a name that never stands for another content: caches need not ask again.
    pub(crate) fn immutable(self) -> Self {
        Self { cache: IMMUTABLE, ..self }
    }

    /// Answers a request with these headers.
    pub(crate) fn answer(&self, request: &HeaderMap) -> Response {
        let encoded = self.encoded.iter().find(|(coding, _)| accepts(request, coding));
        let mut headers = HeaderMap::new();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static(self.content_type));
        headers.insert(CACHE_CONTROL, self.cache.clone());
        headers.insert(ETAG, self.tag.clone());
        headers.insert(VARY, HeaderValue::from_static("accept-encoding"));
        if let Some(policy) = &self.policy {
            headers.insert(CONTENT_SECURITY_POLICY, policy.clone());
            headers.insert(REFERRER_POLICY, NO_REFERRER);
            headers.insert(PERMISSIONS_POLICY, PERMISSIONS);
        }
        if is_known(request, &self.tag) {
            return (StatusCode::NOT_MODIFIED, headers).into_response();
        }
        let mut body = &self.plain;
        if let Some((coding, octets)) = encoded {
            headers.insert(CONTENT_ENCODING, HeaderValue::from_static(coding));
            body = octets;
        }
        (headers, Body::from(body.clone())).into_response()
    }
}

/// Whether the client has the file already (RFC 9110, 13.1.2).
fn is_known(request: &HeaderMap, tag: &HeaderValue) -> bool {
    let lists = request.get_all(IF_NONE_MATCH).iter().filter_map(|value| value.to_str().ok());
    let mut tags = lists.flat_map(|list| list.split(',')).map(|known| known.trim().trim_start_matches("W/"));
    tags.any(|known| known == "*" || known.as_bytes() == tag.as_bytes())
}

/// Whether the client accepts this content coding (RFC 9110, 12.5.3). Browsers accept Brotli over TLS and from `localhost` alone.
fn accepts(request: &HeaderMap, coding: &str) -> bool {
    let lists = request.get_all(ACCEPT_ENCODING).iter().filter_map(|value| value.to_str().ok());
    lists.flat_map(|list| list.split(',')).any(|accepted| {
        let mut parts = accepted.split(';').map(str::trim);
        let is_named = parts.next().is_some_and(|name| name.eq_ignore_ascii_case(coding));
        let quality = parts.find_map(|part| part.strip_prefix("q="));
        is_named && quality.is_none_or(|quality| quality.parse::<f32>().is_ok_and(|quality| quality > 0.0))
    })
}

/// The octets as gzip; `None` if that fails or saves nothing.
fn compress(plain: &[u8]) -> Option<Vec<u8>> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(plain).ok()?;
    encoder.finish().ok().filter(|compressed| compressed.len() < plain.len())
}

#[cfg(test)]
mod tests {
    use http_body_util::BodyExt as _;

    use super::*;

    fn headers(name: axum::http::HeaderName, value: &'static str) -> HeaderMap {
        HeaderMap::from_iter([(name, HeaderValue::from_static(value))])
    }

    #[test]
    fn gzip_is_sent_only_to_clients_that_accept_it() {
        for (value, accepted) in [
            ("gzip", true),
            ("deflate, GZIP;q=0.5, br", true),
            ("gzip;q=0", false),
            ("gzip; q=0.0", false),
            ("br", false),
            ("", false),
            ("gzip;q=", false),
        ] {
            assert_eq!(accepts(&headers(ACCEPT_ENCODING, value), "gzip"), accepted, "{value}");
        }
        let file = File::new("text/plain", None, vec![b'a'; 1_000]);
        let answer = file.answer(&headers(ACCEPT_ENCODING, "gzip"));
        assert_eq!(answer.headers()[CONTENT_ENCODING], "gzip");
        assert!(file.answer(&HeaderMap::new()).headers().get(CONTENT_ENCODING).is_none());
    }

    #[tokio::test]
    async fn the_smallest_form_that_a_client_accepts_is_sent() {
        let encoded = vec![("br", Bytes::from_static(b"b")), ("gzip", Bytes::from_static(b"gz"))];
        let file = File::compressed("text/plain", None, Bytes::from_static(b"plain"), encoded);
        for (value, coding, body) in [
            ("gzip, deflate, br, zstd", Some("br"), "b"),
            ("gzip, deflate", Some("gzip"), "gz"),
            ("gzip, br;q=0", Some("gzip"), "gz"),
            ("identity", None, "plain"),
        ] {
            let answer = file.answer(&headers(ACCEPT_ENCODING, value));
            let sent = answer.headers().get(CONTENT_ENCODING).map(|coding| coding.to_str().unwrap());
            assert_eq!(sent, coding, "{value}");
            assert_eq!(answer.into_body().collect().await.unwrap().to_bytes(), body, "{value}");
        }
    }

    #[test]
    fn a_client_that_has_the_file_gets_no_body() {
        let file = File::new("text/plain", None, b"text".to_vec());
        let tag = file.answer(&HeaderMap::new()).headers()[ETAG].to_str().unwrap().to_owned();
        for (sent, status) in [
            (tag.clone(), 304),
            (format!("\"other\", W/{tag}"), 304),
            ("*".to_owned(), 304),
            ("\"other\"".to_owned(), 200),
            (tag.trim_matches('"').to_owned(), 200),
        ] {
            let request = HeaderMap::from_iter([(IF_NONE_MATCH, HeaderValue::try_from(&sent).unwrap())]);
            assert_eq!(file.answer(&request).status(), status, "{sent}");
        }
        let other = File::new("text/plain", None, b"other".to_vec());
        assert_ne!(other.answer(&HeaderMap::new()).headers()[ETAG], tag.as_str());
    }
}
