//! Links to this service, as they are put into emails and pushes.
//!
//! They are made from a setting and never from the header `Host`, which a stranger chooses.

use std::{fmt, net::IpAddr, str::FromStr};

use allynet_domain::{Secret, port::Links};

/// The error of a text that links cannot begin with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the public URL must be https://HOST[:PORT] without a path; http:// only to a loopback or private address")]
pub struct InvalidPublicUrl;

/// The origin under which users reach the service: `https://allynet.example.org`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PublicUrl(String);

impl FromStr for PublicUrl {
    type Err = InvalidPublicUrl;

    fn from_str(text: &str) -> Result<Self, InvalidPublicUrl> {
        let origin = text.trim().trim_end_matches('/').to_lowercase();
        let (scheme, authority) = origin.split_once("://").ok_or(InvalidPublicUrl)?;
        let (host, port) = match authority.rsplit_once(':') {
            // A colon within brackets belongs to an IPv6 address.
            Some((host, port)) if !port.ends_with(']') => (host, Some(port)),
            _ => (authority, None),
        };
        let is_port = |port: &str| port.bytes().all(|b| b.is_ascii_digit()) && port.parse().is_ok_and(|n: u16| n > 0);
        let encrypted = match scheme {
            "https" => true,
            "http" => false,
            _ => return Err(InvalidPublicUrl),
        };
        let valid = is_host(host) && port.is_none_or(is_port) && (encrypted || is_internal(host));
        if valid { Ok(Self(origin)) } else { Err(InvalidPublicUrl) }
    }
}

/// Whether a text in lower case is a domain name, an IPv4 address, or an IPv6 address in brackets.
pub(crate) fn is_host(host: &str) -> bool {
    if let Some(address) = address_in_brackets(host) {
        return address.parse::<IpAddr>().is_ok_and(|address| address.is_ipv6());
    }
    let is_label = |label: &str| {
        !label.is_empty() && label.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-') && !label.starts_with('-')
    };
    host.len() <= 253 && host.split('.').all(is_label)
}

fn address_in_brackets(host: &str) -> Option<&str> {
    host.strip_prefix('[')?.strip_suffix(']')
}

/// Whether a host is a loopback or private address, to which links without TLS are allowed.
fn is_internal(host: &str) -> bool {
    let address = address_in_brackets(host).unwrap_or(host).parse();
    host == "localhost"
        || address.is_ok_and(|address| match address {
            IpAddr::V4(address) => address.is_loopback() || address.is_private(),
            IpAddr::V6(address) => address.is_loopback() || address.is_unique_local(),
        })
}

impl fmt::Display for PublicUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Links for PublicUrl {
    fn reset_password(&self, token: &Secret) -> Secret {
        // Behind `#`: browsers send it to no server, so that no log and no referrer contains the token.
        Secret::new(format!("{self}/reset-password#token={}", token.expose()))
    }

    fn confirm_contact(&self, token: &Secret) -> Secret {
        Secret::new(format!("{self}/c/confirm/{}", token.expose()))
    }

    fn stop_contact(&self, token: &Secret) -> Secret {
        Secret::new(format!("{self}/c/stop/{}", token.expose()))
    }

    fn contact_page(&self, token: &Secret) -> Secret {
        Secret::new(format!("{self}/c/{}", token.expose()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_lead_to_an_encrypted_host_or_to_the_own_network() {
        for (text, origin) in [
            ("https://allynet.example.org", "https://allynet.example.org"),
            (" https://AllyNet.example.org:8443/ ", "https://allynet.example.org:8443"),
            ("https://203.0.113.7", "https://203.0.113.7"),
            ("https://[2001:db8::1]:444", "https://[2001:db8::1]:444"),
            ("http://localhost:5000", "http://localhost:5000"),
            ("http://127.0.0.1:5000", "http://127.0.0.1:5000"),
            ("http://192.168.1.20", "http://192.168.1.20"),
            ("http://[::1]:5000", "http://[::1]:5000"),
        ] {
            assert_eq!(text.parse::<PublicUrl>().map(|url| url.to_string()).as_deref(), Ok(origin), "{text}");
        }
        for wrong in [
            "",
            "allynet.example.org",
            "http://allynet.example.org",
            "http://203.0.113.7",
            "ftp://localhost",
            "https://",
            "https://allynet.example.org/path",
            "https://allynet.example.org?query",
            "https://allynet.example.org#fragment",
            "https://user@allynet.example.org",
            "https://allynet.example.org:0",
            "https://allynet.example.org:",
            "https://allynet.example.org:+1",
            "https://allynet..example.org",
            "https://[::1",
            "https://a b",
            "https://example.org\r\nBcc:",
        ] {
            assert!(wrong.parse::<PublicUrl>().is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_link_contains_its_token_behind_the_number_sign_only() {
        let url: PublicUrl = "https://allynet.example.org".parse().unwrap();
        let link = url.reset_password(&Secret::new("abc".to_owned()));
        assert_eq!(link.expose(), "https://allynet.example.org/reset-password#token=abc");
    }
}
