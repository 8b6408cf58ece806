//! Allowed web origins: one rule for CORS and for the Socket.IO handshake.

use std::str::FromStr;

/// The web origins (`scheme://host[:port]`) whose pages may call the service.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Origins {
    /// Pages served from the loopback interface, on any port: the default for development.
    #[default]
    Loopback,
    /// Exactly these, compared without regard to case.
    Listed(Vec<String>),
    /// Every page.
    Any,
}

/// The text is not a list of origins.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not an origin like https://example.org, nor `*`")]
pub struct NotAnOrigin(String);

impl FromStr for Origins {
    type Err = NotAnOrigin;

    /// Origins separated by commas, or `*`.
    fn from_str(text: &str) -> Result<Self, NotAnOrigin> {
        if text.trim() == "*" {
            return Ok(Self::Any);
        }
        let origin = |text: &str| {
            let origin = text.trim().trim_end_matches('/').to_lowercase();
            let host = origin.split_once("://").map(|(_, host)| host);
            let valid = host.is_some_and(|host| !host.is_empty() && !host.contains(['/', '*', ' ']));
            if valid { Ok(origin) } else { Err(NotAnOrigin(text.trim().to_owned())) }
        };
        text.split(',').map(origin).collect::<Result<_, _>>().map(Self::Listed)
    }
}

impl Origins {
    /// Whether a page of this origin may call the service.
    pub fn allow(&self, origin: &str) -> bool {
        match self {
            Self::Any => true,
            Self::Listed(listed) => listed.iter().any(|known| known.eq_ignore_ascii_case(origin)),
            Self::Loopback => is_loopback(origin),
        }
    }
}

/// Whether an origin has the host and the port of a `Host` header, whatever its scheme. Host names have no case; no port, 80
/// and 443 are the same, since a proxy that ends TLS may pass on either.
pub fn is_same_host(origin: &str, host: &str) -> bool {
    let Some((_, authority)) = origin.split_once("://") else { return false };
    let ((ours, our_port), (theirs, their_port)) = (split_port(authority), split_port(host.trim()));
    let number = |port| if matches!(port, Some("80" | "443")) { None } else { port };
    !ours.is_empty() && ours.eq_ignore_ascii_case(theirs) && number(our_port) == number(their_port)
}

fn is_loopback(origin: &str) -> bool {
    let Some((scheme, authority)) = origin.split_once("://") else { return false };
    let (host, _) = split_port(authority);
    matches!(scheme, "http" | "https") && matches!(host, "localhost" | "127.0.0.1" | "[::1]")
}

/// Splits `host[:port]`. An IPv6 address is in brackets.
fn split_port(authority: &str) -> (&str, Option<&str>) {
    match authority.rsplit_once(':') {
        Some((host, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => (host, Some(port)),
        _ => (authority, None),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn by_default_only_loopback_origins_are_allowed() {
        let origins = Origins::default();
        for origin in ["http://localhost:5173", "https://localhost", "http://127.0.0.1:1", "http://[::1]:5175"] {
            assert!(origins.allow(origin), "{origin}");
        }
        for origin in ["http://localhost.example.org", "http://example.org:5173", "null", "", "file://localhost"] {
            assert!(!origins.allow(origin), "{origin}");
        }
    }

    #[test]
    fn a_list_allows_exactly_its_origins() {
        let origins: Origins = "https://ally.example, http://other.example:8080/".parse().unwrap();
        assert!(origins.allow("https://ally.example"));
        assert!(origins.allow("http://other.example:8080"));
        assert!(!origins.allow("http://localhost:5173"));
        assert!("ally.example".parse::<Origins>().is_err());
        assert!("https://ally.example,".parse::<Origins>().is_err());
        assert_eq!("*".parse(), Ok(Origins::Any));
    }

    #[test]
    fn an_origin_may_name_the_host_of_the_request() {
        for (origin, host) in [
            ("http://ally.example:5000", "ally.example:5000"),
            ("wss://ally.example", "ally.example"),
            ("https://ALLY.example", "ally.Example"),
            ("https://ally.example:443", "ally.example"),
            ("http://ally.example", "ally.example:443"),
            ("http://ally.example:80", "ally.example:443"),
            ("http://[2001:db8::1]:5000", "[2001:db8::1]:5000"),
            ("http://[2001:db8::1]", "[2001:db8::1]:80"),
        ] {
            assert!(is_same_host(origin, host), "{origin} {host}");
        }
        for (origin, host) in [
            ("http://ally.example:5001", "ally.example:5000"),
            ("http://ally.example", "ally.example:5000"),
            ("http://ally.example.evil.example", "ally.example"),
            ("http://evil.example", "ally.example"),
            ("http://[2001:db8::1]", "[2001:db8::2]"),
            ("null", "null"),
            ("ally.example", "ally.example"),
            ("http://", ""),
        ] {
            assert!(!is_same_host(origin, host), "{origin} {host}");
        }
    }
}
