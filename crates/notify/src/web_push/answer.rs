//! What the answer of a push service means.

use std::time::Duration;

use allynet_domain::{Timestamp, port::PushOutcome};
use chrono::{DateTime, Utc};
use http::{HeaderMap, StatusCode, header::RETRY_AFTER};

/// A push service that stores a message for less than this does not store it.
const MIN_STORED: Duration = Duration::from_mins(1);
const MIN_RETRY_AFTER: Duration = Duration::from_secs(1);

/// The outcome of a message that was sent with this time to live.
pub(super) fn outcome(status: StatusCode, headers: &HeaderMap, ttl: Duration, now: Timestamp) -> PushOutcome {
    match status.as_u16() {
        200..=299 => PushOutcome::Sent { stored: ttl.min(granted_ttl(headers).unwrap_or(ttl)) >= MIN_STORED },
        410 => PushOutcome::Gone,
        404 => PushOutcome::Unknown,
        406 | 425 | 429 | 503 => retry_after(headers, now).map_or(PushOutcome::Failed, PushOutcome::RetryAfter),
        500..=599 => PushOutcome::Failed,
        status => PushOutcome::Refused { status },
    }
}

/// The time to live that the push service reduced a message to (RFC 8030 §5.2).
fn granted_ttl(headers: &HeaderMap) -> Option<Duration> {
    seconds(headers.get("ttl")?.to_str().ok()?)
}

/// How long to wait: `Retry-After` as seconds or as a date (RFC 9110 §10.2.3), and a second at least.
fn retry_after(headers: &HeaderMap, now: Timestamp) -> Option<Duration> {
    let value = headers.get(RETRY_AFTER)?.to_str().ok()?;
    let wait = seconds(value).or_else(|| {
        let date = DateTime::parse_from_rfc2822(value).ok()?.with_timezone(&Utc);
        // A date that has passed.
        Some((date - now).to_std().unwrap_or_default())
    })?;
    Some(wait.max(MIN_RETRY_AFTER))
}

/// A number of seconds. One that is too large for a computer is very long.
fn seconds(text: &str) -> Option<Duration> {
    let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    digits.then(|| Duration::from_secs(text.parse::<u32>().unwrap_or(u32::MAX).into()))
}

#[cfg(test)]
mod tests {
    use super::*;

    const TTL: Duration = Duration::from_mins(15);

    fn answer(status: u16, headers: &[(&'static str, &'static str)]) -> PushOutcome {
        let headers = headers.iter().map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap())).collect();
        outcome(StatusCode::from_u16(status).unwrap(), &headers, TTL, "2026-11-06T08:49:37Z".parse().unwrap())
    }

    #[test]
    fn every_status_has_an_outcome() {
        for status in [200, 201, 202, 204, 299] {
            assert_eq!(answer(status, &[]), PushOutcome::Sent { stored: true }, "{status}");
        }
        assert_eq!(answer(410, &[]), PushOutcome::Gone);
        assert_eq!(answer(404, &[]), PushOutcome::Unknown);
        for status in [406, 425, 429, 503] {
            assert_eq!(answer(status, &[]), PushOutcome::Failed, "{status}");
            let waits = PushOutcome::RetryAfter(Duration::from_secs(7));
            assert_eq!(answer(status, &[("retry-after", "7")]), waits, "{status}");
        }
        for status in [500, 501, 502, 504, 599] {
            assert_eq!(answer(status, &[("retry-after", "7")]), PushOutcome::Failed, "{status}");
        }
        for status in [300, 301, 302, 307, 308, 400, 401, 402, 403, 405, 407, 409, 411, 413, 418, 431, 451, 600, 999] {
            assert_eq!(answer(status, &[]), PushOutcome::Refused { status }, "{status}");
        }
    }

    #[test]
    fn the_wait_is_given_in_seconds_or_as_a_date_and_is_a_second_at_least() {
        for (value, expected) in [
            ("0", Some(1)),
            ("1", Some(1)),
            ("3600", Some(3_600)),
            ("99999999999999999999", Some(u32::MAX.into())),
            ("Fri, 06 Nov 2026 08:50:37 GMT", Some(60)),
            ("Fri, 06 Nov 2026 08:48:37 GMT", Some(1)),
            ("-1", None),
            ("1.5", None),
            ("soon", None),
            ("", None),
        ] {
            let expected = expected.map_or(PushOutcome::Failed, |s| PushOutcome::RetryAfter(Duration::from_secs(s)));
            assert_eq!(answer(429, &[("retry-after", value)]), expected, "{value}");
        }
    }

    #[test]
    fn a_message_is_stored_if_neither_side_asks_for_less_than_a_minute() {
        for (granted, stored) in
            [("0", false), ("59", false), ("60", true), ("900", true), ("86400", true), ("x", true)]
        {
            assert_eq!(answer(201, &[("ttl", granted)]), PushOutcome::Sent { stored }, "{granted}");
        }
        let short = outcome(StatusCode::CREATED, &HeaderMap::new(), Duration::from_secs(59), Timestamp::default());
        assert_eq!(short, PushOutcome::Sent { stored: false });
    }
}
