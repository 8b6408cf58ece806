//! Which URLs requests are sent to: the rules about a URL itself, and the rule about the addresses of its host, which is
//! applied at each connection.

use std::{fmt, net::IpAddr, str::FromStr};

use allynet_domain::port::MAX_ENDPOINT_BYTES;
use http::Uri;
use url::{Host, Url};

use crate::address::{is_global_unicast, is_internal};

/// The port of `https`.
const HTTPS_PORT: u16 = 443;
/// Ports below this belong to other protocols, mail and file servers among them.
const FIRST_UNPRIVILEGED_PORT: u16 = 1_024;

/// Which addresses a host may have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum AddressRule {
    /// Globally reachable unicast: for URLs of strangers.
    Global,
    /// Loopback and private: for requests in the clear.
    Internal,
    /// All: for hosts that the operator named.
    Any,
}

impl AddressRule {
    /// Whether an address may be connected to.
    pub(crate) fn allows(self, address: IpAddr) -> bool {
        match self {
            Self::Global => is_global_unicast(address),
            Self::Internal => is_internal(address),
            Self::Any => true,
        }
    }
}

/// The error of an exemption that is not `host` or `host:port`.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a host, optionally with a port")]
pub struct NotAHost(String);

/// A host that is exempt from the rules about addresses and ports: `push.example.org`, `10.0.0.7:8443`, `[fd00::7]`.
///
/// The host must be exactly this one. Without a port, all ports are exempt.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AllowedHost {
    host: Host<String>,
    port: Option<u16>,
}

impl FromStr for AllowedHost {
    type Err = NotAHost;

    fn from_str(text: &str) -> Result<Self, NotAHost> {
        let error = || NotAHost(text.to_owned());
        let (host, port) = match text.rsplit_once(':') {
            // The colon of an address in brackets is not that of a port.
            Some((host, port)) if !port.contains(']') => (host, Some(port)),
            _ => (text, None),
        };
        let digits = |port: &&str| !port.is_empty() && port.bytes().all(|b| b.is_ascii_digit());
        let port = port.map(|port| Some(port).filter(digits).and_then(|port| port.parse().ok()).ok_or_else(error));
        // A wildcard would match nothing.
        let host = Host::parse(host).ok().filter(|_| !host.contains('*')).ok_or_else(error)?;
        Ok(Self { host, port: port.transpose()? })
    }
}

impl fmt::Display for AllowedHost {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.port {
            Some(port) => write!(f, "{}:{port}", self.host),
            None => self.host.fmt(f),
        }
    }
}

/// The rules for the URLs of push endpoints, which come from strangers.
#[derive(Debug, Clone, Default)]
pub(crate) struct EndpointRules {
    allowed: Vec<AllowedHost>,
}

impl EndpointRules {
    /// Creates the rules with these exemptions.
    pub(crate) fn new(allowed: Vec<AllowedHost>) -> Self {
        Self { allowed }
    }

    /// Parses the URL of an endpoint: `https`, no user information, no fragment, port 443 or from 1024 on, and a host that is
    /// neither `localhost`, nor below it, nor an address that is not globally reachable unicast.
    ///
    /// `None` if it breaks a rule. The URL standard's parser reads every spelling of an IPv4 address (decimal, octal,
    /// hexadecimal, short, with a trailing dot, in full-width digits), so that none needs a rule of its own.
    pub(crate) fn parse(&self, text: &str) -> Option<Url> {
        let printable = text.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'\\');
        let prefix = text.get(.."https://".len())?;
        if text.len() > MAX_ENDPOINT_BYTES || !printable || !prefix.eq_ignore_ascii_case("https://") {
            return None;
        }
        let authority = text[prefix.len()..].split(['/', '?', '#']).next()?;
        // The parser drops an empty user name and an empty fragment, and takes the path for a missing host, so they are
        // looked for in the text.
        if authority.is_empty() || authority.contains('@') || text.contains('#') {
            return None;
        }
        let url = Url::parse(text).ok()?;
        // Percent-encoding can make the normalized form longer than the text. The HTTP client has a parser of its own.
        let usable = url.as_str().len() <= MAX_ENDPOINT_BYTES && url.as_str().parse::<Uri>().is_ok();
        (usable && self.allow_host(&url)).then_some(url)
    }

    /// The rule about the addresses of a host, for a connection to it.
    pub(crate) fn address_rule(&self, host: &Host<String>, port: u16) -> AddressRule {
        if self.is_exempt(host, port) { AddressRule::Any } else { AddressRule::Global }
    }

    fn allow_host(&self, url: &Url) -> bool {
        let (Some(host), Some(port)) = (url.host(), url.port_or_known_default()) else { return false };
        let host = host.to_owned();
        if self.is_exempt(&host, port) {
            return true;
        }
        let reachable = match host {
            Host::Domain(name) => !is_localhost(&name),
            Host::Ipv4(address) => is_global_unicast(address.into()),
            Host::Ipv6(address) => is_global_unicast(address.into()),
        };
        reachable && (port == HTTPS_PORT || port >= FIRST_UNPRIVILEGED_PORT)
    }

    fn is_exempt(&self, host: &Host<String>, port: u16) -> bool {
        let of_host = self.allowed.iter().filter(|allowed| allowed.host == *host);
        of_host.into_iter().any(|allowed| allowed.port.is_none_or(|allowed| allowed == port))
    }
}

/// Whether a name is `localhost` or below it, which resolvers answer without asking anybody (RFC 6761 §6.3).
fn is_localhost(name: &str) -> bool {
    let name = name.strip_suffix('.').unwrap_or(name);
    name == "localhost" || name.ends_with(".localhost")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn allow(hosts: &[&str]) -> EndpointRules {
        EndpointRules::new(hosts.iter().map(|host| host.parse().unwrap()).collect())
    }

    #[test]
    fn urls_of_push_services_are_accepted() {
        for (text, normalized) in [
            ("https://fcm.googleapis.com/fcm/send/abc:def", None),
            ("https://updates.push.services.mozilla.com/wpush/v2/gAAAA", None),
            ("https://web.push.apple.com/QGx?a=b", None),
            ("HTTPS://Push.Example.ORG:443/x", Some("https://push.example.org/x")),
            ("https://push.example.org", Some("https://push.example.org/")),
            ("https://push.example.org:1024/x", None),
            ("https://push.example.org:65535/a@b", None),
            ("https://8.8.8.8/x", None),
            ("https://0x08080808/x", Some("https://8.8.8.8/x")),
            ("https://[2606:4700::1111]/x", None),
            ("https://[64:ff9b::808:808]/x", None),
            ("https://xn--bcher-kva.example/x", None),
            ("https://localhost.example/x", None),
            ("https://notlocalhost/x", None),
        ] {
            let url = allow(&[]).parse(text).unwrap_or_else(|| panic!("{text}"));
            assert_eq!(url.as_str(), normalized.unwrap_or(text));
        }
        let long = |bytes: usize| format!("https://push.example.org/{}", "x".repeat(bytes - 25));
        assert!(allow(&[]).parse(&long(2_048)).is_some());
        assert!(allow(&[]).parse(&long(2_049)).is_none());
    }

    #[test]
    fn other_schemes_user_information_fragments_and_ports_are_refused() {
        for text in [
            "",
            "https:",
            "https://",
            "https:///x",
            "push.example.org",
            "//push.example.org",
            "http://push.example.org/x",
            "ftp://push.example.org/x",
            "file:///etc/passwd",
            "gopher://push.example.org",
            "data:text/plain,x",
            "https:push.example.org",
            "https:/push.example.org",
            "https:\\\\push.example.org",
            "https://push.example.org\\@127.0.0.1/",
            "https://user@push.example.org/",
            "https://user:password@push.example.org/",
            "https://@push.example.org/",
            "https://:@push.example.org/",
            "https://8.8.8.8@127.0.0.1/",
            "https://push.example.org/#",
            "https://push.example.org/x#fragment",
            "https://push.example.org:0/",
            "https://push.example.org:22/",
            "https://push.example.org:25/",
            "https://push.example.org:80/",
            "https://push.example.org:442/",
            "https://push.example.org:1023/",
            "https://push.example.org:65536/",
            "https://push.example.org:x/",
            "https://push example.org/",
            " https://push.example.org/",
            "https://push.example.org/\r\nHost: other",
            "https://push.example.org/\u{e9}",
            "https://b\u{fc}cher.example/",
            "\u{212a}ttps://push.example.org/",
        ] {
            assert!(allow(&[]).parse(text).is_none(), "{text}");
        }
    }

    #[test]
    fn addresses_that_are_not_global_are_refused_in_every_spelling() {
        for host in "
            127.0.0.1 127.1 127.0.1 2130706433 0x7f000001 0x7f.1 0x7F.0.0.0x1 017700000001 0177.0.0.1 0177.1 127.0.0.1. 0
            0.0.0.0 00000 10.0.0.1 10.1 0xa000001 167772161 012.0.0.1 192.168.1 0xc0a80101 3232235777 172.16.1
            169.254.169.254 0xa9fea9fe 2852039166 169.16689662 100.64.0.1 198.18.0.1 224.0.0.1 255.255.255.255 4294967295
            %31%32%37.0.0.1 127%2e0%2e0%2e1 256.256.256.256 4294967296 1.2.3.4.5 08.8.8.8
            [::] [::1] [0:0:0:0:0:0:0:1] [::127.0.0.1] [::7f00:1] [::ffff:127.0.0.1] [::ffff:7f00:1] [::ffff:10.0.0.1]
            [::ffff:8.8.8.8] [64:ff9b::127.0.0.1] [64:ff9b::7f00:1] [64:ff9b::10.0.0.1] [64:ff9b:1::8.8.8.8]
            [2002:7f00:1::] [2002:a00:1::1] [2001:0:4136:e378:8000:63bf:3fff:fdd2] [2001:db8::1] [fe80::1] [fe80::1%25eth0]
            [fc00::1] [fd00::1] [ff02::1] [::1 ::1
            localhost LOCALHOST localhost. a.localhost a.b.localhost. %6cocalhost"
            .split_whitespace()
        {
            for url in [format!("https://{host}/x"), format!("https://{host}:8443/x")] {
                assert!(allow(&[]).parse(&url).is_none(), "{url}");
            }
        }
    }

    #[test]
    fn an_exemption_lifts_the_rules_about_addresses_and_ports_only() {
        let rules = allow(&["localhost:8443", "10.0.0.7", "[fd00::7]:500", "Push.Internal"]);
        for url in [
            "https://localhost:8443/x",
            "https://10.0.0.7/x",
            "https://10.0.0.7:22/x",
            "https://10.7/x",
            "https://[fd00::7]:500/x",
            "https://push.internal:1/x",
        ] {
            assert!(rules.parse(url).is_some(), "{url}");
        }
        for url in [
            "https://localhost/x",
            "https://localhost:8444/x",
            "https://a.localhost:8443/x",
            "https://127.0.0.1:8443/x",
            "https://10.0.0.8/x",
            "https://[fd00::7]/x",
            "https://a.push.internal:1/x",
            "http://10.0.0.7/x",
            "https://user@10.0.0.7/x",
            "https://10.0.0.7/x#",
        ] {
            assert!(rules.parse(url).is_none(), "{url}");
        }
        let rule = |host: &str, port| rules.address_rule(&Host::parse(host).unwrap(), port);
        assert_eq!(rule("10.0.0.7", 443), AddressRule::Any);
        assert_eq!(rule("localhost", 8443), AddressRule::Any);
        assert_eq!(rule("localhost", 443), AddressRule::Global);
        assert_eq!(rule("push.example.org", 443), AddressRule::Global);
    }

    #[test]
    fn an_exemption_is_a_host_with_or_without_a_port() {
        for text in ["push.internal", "push.internal:8443", "10.0.0.7:1", "[fd00::7]", "[fd00::7]:8443"] {
            assert_eq!(text.parse::<AllowedHost>().unwrap().to_string(), text);
        }
        for text in ["", ":1", "a:", "a:b", "a:65536", "a:+1", "a/b", "https://a", "fd00::7", "a b", "a@b", "*.a"] {
            assert!(text.parse::<AllowedHost>().is_err(), "{text}");
        }
    }
}
