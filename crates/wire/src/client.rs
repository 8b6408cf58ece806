//! Client addresses: the address by which a request is counted, for REST and the Socket.IO handshake alike.

use std::{
    net::{IpAddr, SocketAddr},
    str::FromStr,
};

use ipnet::{IpNet, Ipv6Net};

/// The prefix length of one IPv6 site: a household or a phone may use any address in it (RFC 6177).
const IPV6_SITE_PREFIX: u8 = 64;

/// The address by which a client is counted: an IPv4 address, or the /64 network of an IPv6 address.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct ClientAddress(IpAddr);

impl From<IpAddr> for ClientAddress {
    fn from(address: IpAddr) -> Self {
        match address.to_canonical() {
            IpAddr::V6(address) => Self(Ipv6Net::new_assert(address, IPV6_SITE_PREFIX).network().into()),
            v4 @ IpAddr::V4(_) => Self(v4),
        }
    }
}

impl ClientAddress {
    /// The address, or the first one of the network.
    pub const fn ip(self) -> IpAddr {
        self.0
    }
}

/// The peer of the connection is a trusted proxy, whose `X-Forwarded-…` headers count. In the extensions of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ViaTrustedProxy;

/// The proxies whose `X-Forwarded-For` is trusted. Empty by default.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct TrustedProxies(Vec<IpNet>);

/// The error of a list of networks: the first entry that is neither an address nor a network.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is neither an address nor a network like 10.0.0.0/8")]
pub struct NotANetwork(String);

impl FromStr for TrustedProxies {
    type Err = NotANetwork;

    /// Parses addresses and networks in CIDR notation, separated by commas.
    fn from_str(text: &str) -> Result<Self, NotANetwork> {
        let network = |text: &str| text.parse().or_else(|_| text.parse::<IpAddr>().map(IpNet::from)).ok();
        let entries = text.split(',').map(str::trim);
        entries
            .map(|entry| network(entry).ok_or_else(|| NotANetwork(entry.to_owned())))
            .collect::<Result<_, _>>()
            .map(Self)
    }
}

impl TrustedProxies {
    /// The address of the client whose request came from `peer` with these values of `X-Forwarded-For`, in their order.
    ///
    /// Each proxy appends the address from which it got the request. So the list is read from its end, as long as the
    /// writer of the entry is trusted: anything before may be made up by the client.
    pub fn client<'a>(
        &self,
        peer: IpAddr,
        forwarded: impl IntoIterator<Item = &'a str, IntoIter: DoubleEndedIterator>,
    ) -> ClientAddress {
        let mut client = peer.to_canonical();
        for hop in forwarded.into_iter().rev().flat_map(|list| list.rsplit(',')) {
            if !self.contain(client) {
                break;
            }
            let Some(before) = hop_address(hop.trim()) else { break };
            client = before;
        }
        client.into()
    }

    /// Whether `address` belongs to a trusted proxy.
    pub fn contain(&self, address: IpAddr) -> bool {
        // An IPv4 client on a dual-stack socket has a mapped IPv6 address.
        let address = address.to_canonical();
        self.0.iter().any(|network| network.contains(&address))
    }
}

/// Parses an address as proxies write it: bare, in brackets, or with a port.
fn hop_address(hop: &str) -> Option<IpAddr> {
    let bare = hop.strip_prefix('[').and_then(|hop| hop.strip_suffix(']')).unwrap_or(hop);
    let address = bare.parse().ok().or_else(|| Some(hop.parse::<SocketAddr>().ok()?.ip()));
    address.as_ref().map(IpAddr::to_canonical)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn client(trusted: &str, peer: &str, forwarded: &[&str]) -> ClientAddress {
        let trusted = if trusted.is_empty() { TrustedProxies::default() } else { trusted.parse().unwrap() };
        trusted.client(peer.parse().unwrap(), forwarded.iter().copied())
    }

    #[test]
    fn the_client_is_the_last_address_that_is_no_trusted_proxy() {
        let ours = "10.0.0.0/8, 2001:db8::7, 127.0.0.1";
        for (trusted, peer, forwarded, expected) in [
            // No proxy is trusted by default.
            ("", "203.0.113.9", &[][..], "203.0.113.9"),
            ("", "127.0.0.1", &["198.51.100.1"], "127.0.0.1"),
            (ours, "203.0.113.9", &["198.51.100.1"], "203.0.113.9"),
            // One proxy, and entries that the client made up.
            (ours, "10.1.2.3", &["198.51.100.1"], "198.51.100.1"),
            (ours, "10.1.2.3", &["6.6.6.6, 198.51.100.1"], "198.51.100.1"),
            (ours, "10.1.2.3", &["6.6.6.6", "198.51.100.1"], "198.51.100.1"),
            (ours, "::ffff:10.1.2.3", &["198.51.100.1"], "198.51.100.1"),
            (ours, "2001:db8::7", &["198.51.100.1"], "198.51.100.1"),
            // Two proxies, also when each writes a header of its own.
            (ours, "10.1.2.3", &["6.6.6.6,198.51.100.1 , 10.9.9.9"], "198.51.100.1"),
            (ours, "10.1.2.3", &["198.51.100.1", "10.9.9.9"], "198.51.100.1"),
            // Only proxies: the first of them.
            (ours, "127.0.0.1", &["10.0.0.1, 10.0.0.2"], "10.0.0.1"),
            // Ports and brackets; an entry that is no address ends the list.
            (ours, "127.0.0.1", &["198.51.100.1:4711"], "198.51.100.1"),
            (ours, "127.0.0.1", &["[2001:db8:1:2:3::4]:4711"], "2001:db8:1:2::"),
            (ours, "127.0.0.1", &["[2001:db8:1:2:3::4]"], "2001:db8:1:2::"),
            (ours, "127.0.0.1", &["198.51.100.1, unknown"], "127.0.0.1"),
            (ours, "127.0.0.1", &["unknown, 10.0.0.1"], "10.0.0.1"),
            (ours, "127.0.0.1", &[""], "127.0.0.1"),
            (ours, "127.0.0.1", &[], "127.0.0.1"),
        ] {
            let expected = ClientAddress(expected.parse().unwrap());
            assert_eq!(client(trusted, peer, forwarded), expected, "{trusted} {peer} {forwarded:?}");
        }
    }

    #[test]
    fn the_addresses_of_one_ipv6_site_are_one_client() {
        let of = |peer| client("", peer, &[]);
        assert_eq!(of("2001:db8:1:2::1"), of("2001:db8:1:2:ffff:ffff:ffff:ffff"));
        assert_ne!(of("2001:db8:1:2::1"), of("2001:db8:1:3::1"));
        assert_eq!(of("::ffff:192.0.2.1"), of("192.0.2.1"));
        assert_ne!(of("192.0.2.1"), of("192.0.2.2"));
    }

    #[test]
    fn a_network_contains_the_addresses_with_its_prefix() {
        for (network, inside, outside) in [
            ("192.0.2.77", "192.0.2.77", "192.0.2.78"),
            ("192.0.2.77/24", "192.0.2.1", "192.0.3.1"),
            ("192.0.2.128/25", "192.0.2.255", "192.0.2.127"),
            ("0.0.0.0/0", "203.0.113.1", "2001:db8::1"),
            ("::/0", "2001:db8::1", "203.0.113.1"),
            ("2001:db8::/33", "2001:db8:7fff::1", "2001:db8:8000::1"),
        ] {
            let network: TrustedProxies = network.parse().unwrap();
            assert!(network.contain(inside.parse().unwrap()), "{network:?} {inside}");
            assert!(!network.contain(outside.parse().unwrap()), "{network:?} {outside}");
        }
    }

    #[test]
    fn an_invalid_network_is_named_in_the_error() {
        for (text, wrong) in [
            ("localhost", "localhost"),
            ("10.0.0.0/8, 10.0.0.0/33", "10.0.0.0/33"),
            ("::1/129", "::1/129"),
            ("10.0.0.1/", "10.0.0.1/"),
            ("10.0.0.1/-1", "10.0.0.1/-1"),
            ("10.0.0.1,", ""),
            ("", ""),
        ] {
            assert_eq!(text.parse::<TrustedProxies>(), Err(NotANetwork(wrong.to_owned())), "{text}");
        }
    }
}
