//! What all pages have in common: their headers, their language, and the templates.

use allynet_domain::Locale;
use axum::{
    extract::{FromRequestParts, RawPathParams},
    http::{
        HeaderMap, HeaderName, StatusCode,
        header::{
            ACCEPT_LANGUAGE, CACHE_CONTROL, CONTENT_LANGUAGE, CONTENT_SECURITY_POLICY, CONTENT_TYPE, REFERRER_POLICY,
            VARY, X_FRAME_OPTIONS,
        },
        request::Parts,
    },
    response::{IntoResponse as _, Response},
};

const ROBOTS: HeaderName = HeaderName::from_static("x-robots-tag");

/// The language that the reader's browser asks for first, if the service has it, else English.
pub(crate) struct PageLocale(pub(crate) Locale);

impl<S: Sync> FromRequestParts<S> for PageLocale {
    type Rejection = std::convert::Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Self::Rejection> {
        Ok(Self(preferred(&parts.headers)))
    }
}

/// The parameter `token` of the path, unless it is no text.
pub(super) struct PageToken(pub(super) Option<String>);

impl<S: Send + Sync> FromRequestParts<S> for PageToken {
    type Rejection = std::convert::Infallible;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Self::Rejection> {
        let params = RawPathParams::from_request_parts(parts, state).await.ok();
        let token = params.iter().flatten().find(|(name, _)| *name == "token");
        Ok(Self(token.map(|(_, value)| value.to_owned())))
    }
}

/// The first language of `Accept-Language` that the service has. Browsers list them by preference (RFC 9110, 12.5.4).
fn preferred(headers: &HeaderMap) -> Locale {
    let list = headers.get(ACCEPT_LANGUAGE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let mut languages = list.split(',').filter_map(|item| item.split([';', '-']).next());
    let known = languages.find_map(|language| language.trim().to_ascii_lowercase().parse().ok());
    known.unwrap_or(Locale::English)
}

/// A page, with what it may load and where its forms may send. All else is forbidden to it.
pub(super) fn page(status: StatusCode, policy: &'static str, locale: Locale, html: String) -> Response {
    let headers = [
        (CONTENT_TYPE, "text/html; charset=utf-8"),
        (CONTENT_LANGUAGE, locale.as_str()),
        (VARY, "accept-language"),
        (CACHE_CONTROL, "no-store"),
        (CONTENT_SECURITY_POLICY, policy),
        (REFERRER_POLICY, "no-referrer"),
        (X_FRAME_OPTIONS, "DENY"),
        (ROBOTS, "noindex, nofollow"),
    ];
    (status, headers, html).into_response()
}

/// A file that pages load. It is the same for all, so it may be stored for a while.
pub(super) fn file(content_type: &'static str, text: &'static str) -> Response {
    ([(CONTENT_TYPE, content_type), (CACHE_CONTROL, "public, max-age=300")], text).into_response()
}

/// Replaces each `{{name}}` of a template. Values are escaped, so that none becomes markup.
pub(super) fn fill(template: &str, values: &[(&str, &str)]) -> String {
    let mut html = String::with_capacity(template.len() + 512);
    let mut parts = template.split("{{");
    html.push_str(parts.next().unwrap_or_default());
    for part in parts {
        let (name, rest) = part.split_once("}}").unwrap_or((part, ""));
        let value = values.iter().find(|(known, _)| *known == name).map_or("", |(_, value)| value);
        escape_into(&mut html, value);
        html.push_str(rest);
    }
    html
}

fn escape_into(html: &mut String, text: &str) {
    for character in text.chars() {
        match character {
            '&' => html.push_str("&amp;"),
            '<' => html.push_str("&lt;"),
            '>' => html.push_str("&gt;"),
            '"' => html.push_str("&quot;"),
            '\'' => html.push_str("&#39;"),
            other => html.push(other),
        }
    }
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;

    use super::*;

    #[test]
    fn values_are_escaped_and_never_filled_again() {
        let filled = fill("<p title=\"{{a}}\">{{b}}{{missing}}</p>", &[("a", "\"><script>"), ("b", "{{a}} & 'x'")]);
        assert_eq!(filled, "<p title=\"&quot;&gt;&lt;script&gt;\">{{a}} &amp; &#39;x&#39;</p>");
    }

    #[test]
    fn a_page_is_in_the_first_known_language_of_its_reader() {
        for (accepted, expected) in [
            ("", Locale::English),
            ("de-AT,de;q=0.9,en;q=0.8", Locale::German),
            ("fr, DE;q=0.5", Locale::German),
            ("en-US,de", Locale::English),
            ("fr", Locale::English),
        ] {
            let headers = HeaderMap::from_iter([(ACCEPT_LANGUAGE, HeaderValue::from_static(accepted))]);
            assert_eq!(preferred(&headers), expected, "{accepted}");
        }
        assert_eq!(preferred(&HeaderMap::new()), Locale::English);
    }
}
