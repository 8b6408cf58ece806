//! From where a client calls, as far as limits need to know: the one rule behind REST and the Socket.IO handshake.

use std::{
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
    str::FromStr,
};

/// The bits of an IPv6 address that tell one household or one phone from another (RFC 6177).
const IPV6_SITE: u8 = 64;

/// The address of a client. Of an IPv6 address only the network of 64 bits is kept: all of it is one client's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct ClientAddress(IpAddr);

impl From<IpAddr> for ClientAddress {
    fn from(address: IpAddr) -> Self {
        match address.to_canonical() {
            IpAddr::V6(address) => Self(Network { address: address.into(), prefix: IPV6_SITE }.first()),
            v4 @ IpAddr::V4(_) => Self(v4),
        }
    }
}

/// The proxies in front of the service whose word about a client's address counts. None, unless some are named.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct TrustedProxies(Vec<Network>);

/// A text that is no list of addresses and networks.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is neither an address nor a network like 10.0.0.0/8")]
pub struct NotANetwork(String);

impl FromStr for TrustedProxies {
    type Err = NotANetwork;

    /// Addresses and networks in CIDR notation, separated by commas.
    fn from_str(text: &str) -> Result<Self, NotANetwork> {
        let network = |text: &str| Network::parse(text.trim()).ok_or_else(|| NotANetwork(text.trim().to_owned()));
        text.split(',').map(network).collect::<Result<_, _>>().map(Self)
    }
}

impl TrustedProxies {
    /// The address of a client whose request came from `peer` with these values of `X-Forwarded-For`, in their order.
    ///
    /// Each proxy appends from whom it got the request. So the list is read from its end, and only as far as those who
    /// wrote it are trusted: what comes before may be made up.
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

    /// Whether this is the address of a proxy that is trusted.
    pub fn contain(&self, address: IpAddr) -> bool {
        self.0.iter().any(|network| network.contains(address.to_canonical()))
    }
}

/// An address as proxies write it: some add the port.
fn hop_address(hop: &str) -> Option<IpAddr> {
    let bare = hop.strip_prefix('[').and_then(|hop| hop.strip_suffix(']')).unwrap_or(hop);
    let address = bare.parse().ok().or_else(|| Some(hop.parse::<std::net::SocketAddr>().ok()?.ip()));
    address.as_ref().map(IpAddr::to_canonical)
}

/// All addresses that begin with the same bits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Network {
    address: IpAddr,
    prefix: u8,
}

impl Network {
    fn parse(text: &str) -> Option<Self> {
        let (address, prefix) = text.split_once('/').map_or((text, None), |(address, prefix)| (address, Some(prefix)));
        let address: IpAddr = address.parse().ok()?;
        let longest = if address.is_ipv4() { 32 } else { 128 };
        let prefix = prefix.map_or(Some(longest), |prefix| prefix.parse().ok())?;
        (prefix <= longest).then_some(Self { address, prefix })
    }

    fn contains(self, other: IpAddr) -> bool {
        self.address.is_ipv4() == other.is_ipv4() && Self { address: other, ..self }.first() == self.first()
    }

    fn first(self) -> IpAddr {
        // Shifted by all of its bits a mask is none: the network of everybody.
        match self.address {
            IpAddr::V4(address) => {
                let mask = u32::MAX.checked_shl(u32::from(32 - self.prefix)).unwrap_or_default();
                IpAddr::V4(Ipv4Addr::from_bits(address.to_bits() & mask))
            }
            IpAddr::V6(address) => {
                let mask = u128::MAX.checked_shl(u32::from(128 - self.prefix)).unwrap_or_default();
                IpAddr::V6(Ipv6Addr::from_bits(address.to_bits() & mask))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn client(trusted: &str, peer: &str, forwarded: &[&str]) -> ClientAddress {
        let trusted = if trusted.is_empty() { TrustedProxies::default() } else { trusted.parse().unwrap() };
        trusted.client(peer.parse().unwrap(), forwarded.iter().copied())
    }

    #[test]
    fn the_client_is_the_last_who_is_not_a_trusted_proxy() {
        let ours = "10.0.0.0/8, 2001:db8::7, 127.0.0.1";
        for (trusted, peer, forwarded, expected) in [
            // Nobody is believed unless named.
            ("", "203.0.113.9", &[][..], "203.0.113.9"),
            ("", "127.0.0.1", &["198.51.100.1"], "127.0.0.1"),
            (ours, "203.0.113.9", &["198.51.100.1"], "203.0.113.9"),
            // One proxy, and what a client made up before it.
            (ours, "10.1.2.3", &["198.51.100.1"], "198.51.100.1"),
            (ours, "10.1.2.3", &["6.6.6.6, 198.51.100.1"], "198.51.100.1"),
            (ours, "10.1.2.3", &["6.6.6.6", "198.51.100.1"], "198.51.100.1"),
            (ours, "::ffff:10.1.2.3", &["198.51.100.1"], "198.51.100.1"),
            (ours, "2001:db8::7", &["198.51.100.1"], "198.51.100.1"),
            // Two proxies, also when each writes a header of its own.
            (ours, "10.1.2.3", &["6.6.6.6,198.51.100.1 , 10.9.9.9"], "198.51.100.1"),
            (ours, "10.1.2.3", &["198.51.100.1", "10.9.9.9"], "198.51.100.1"),
            // Everybody is a proxy: the first of them.
            (ours, "127.0.0.1", &["10.0.0.1, 10.0.0.2"], "10.0.0.1"),
            // Proxies write ports and brackets; what is no address ends the list.
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
    fn all_addresses_of_one_ipv6_network_are_one_client() {
        let of = |peer| client("", peer, &[]);
        assert_eq!(of("2001:db8:1:2::1"), of("2001:db8:1:2:ffff:ffff:ffff:ffff"));
        assert_ne!(of("2001:db8:1:2::1"), of("2001:db8:1:3::1"));
        assert_eq!(of("::ffff:192.0.2.1"), of("192.0.2.1"));
        assert_ne!(of("192.0.2.1"), of("192.0.2.2"));
    }

    #[test]
    fn networks_hold_what_begins_with_their_bits() {
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
    fn what_is_no_network_is_named() {
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
