//! Which addresses of the network may be connected to on behalf of a stranger.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// Whether an address is globally reachable unicast by the special-purpose address registries of IANA (RFC 6890).
///
/// Stricter than the registries in one direction only: blocks that contain single reachable anycast addresses
/// (`192.0.0.0/24`, `2001::/23`) are refused as a whole.
pub(crate) fn is_global_unicast(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => is_global_unicast_v4(address),
        IpAddr::V6(address) => is_global_unicast_v6(address),
    }
}

/// Whether an address is loopback or private (RFC 1918, RFC 4193): inside the operator's own network.
pub(crate) fn is_internal(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => address.is_loopback() || address.is_private(),
        IpAddr::V6(address) => address.is_loopback() || address.is_unique_local(),
    }
}

fn is_global_unicast_v4(address: Ipv4Addr) -> bool {
    #[rustfmt::skip] // Keeps each kind of address on a line of its own.
    let special = matches!(
        address.octets(),
        // "This network", private networks, loopback; multicast, reserved, broadcast.
        [0 | 10 | 127 | 224..=255, ..] | [172, 16..=31, ..] | [192, 168, ..]
        // Shared between a provider and its customers (RFC 6598), link-local.
        | [100, 64..=127, ..] | [169, 254, ..]
        // Protocol assignments, documentation, the relay of 6to4.
        | [192, 0, 0 | 2, _] | [192, 88, 99, _]
        // Benchmarks, documentation.
        | [198, 18 | 19, ..] | [198, 51, 100, _] | [203, 0, 113, _]
    );
    !special
}

fn is_global_unicast_v6(address: Ipv6Addr) -> bool {
    match address.segments() {
        // NAT64 (RFC 6052): a network without IPv4 reaches IPv4 by these, so that the embedded address decides.
        [0x64, 0xff9b, 0, 0, 0, 0, high, low] => {
            let [[a, b], [c, d]] = [high.to_be_bytes(), low.to_be_bytes()];
            is_global_unicast_v4(Ipv4Addr::new(a, b, c, d))
        }
        // Protocol assignments, Teredo among them; documentation; 6to4; documentation.
        [0x2001, 0..=0x1ff | 0xdb8, ..] | [0x2002, ..] | [0x3fff, 0..=0xfff, ..] => false,
        // All global unicast that was ever assigned. What is outside has IPv4 embedded (mapped, compatible, translated),
        // or is loopback, local, multicast or reserved.
        [0x2000..=0x3fff, ..] => true,
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_of_special_purpose_are_not_global_unicast() {
        let special = "
            0.0.0.0 0.1.2.3 10.0.0.1 10.255.255.255 100.64.0.1 100.127.255.255 127.0.0.1 127.255.255.254 169.254.169.254
            172.16.0.1 172.31.255.255 192.0.0.1 192.0.0.9 192.0.2.1 192.88.99.1 192.168.0.1 198.18.0.1 198.19.255.255
            198.51.100.1 203.0.113.1 224.0.0.1 239.255.255.255 240.0.0.1 255.255.255.255
            :: ::1 ::7f00:1 ::8.8.8.8 ::ffff:127.0.0.1 ::ffff:10.0.0.1 ::ffff:8.8.8.8 ::ffff:0:8.8.8.8
            64:ff9b::127.0.0.1 64:ff9b::10.0.0.1 64:ff9b::169.254.169.254 64:ff9b:1::8.8.8.8 100::1 100:0:0:1::1
            2001::1 2001:0:4136:e378:8000:63bf:3fff:fdd2 2001:2::1 2001:10::1 2001:20::1 2001:1ff:ffff::1 2001:db8::1
            2002:7f00:1::1 2002:808:808::1 3fff::1 3fff:fff::1 5f00::1 fc00::1 fd12:3456::1 fe80::1 fec0::1 ff02::1 4000::1
            1fff::1";
        for address in special.split_whitespace() {
            assert!(!is_global_unicast(address.parse().unwrap()), "{address}");
        }
    }

    #[test]
    fn ordinary_addresses_are_global_unicast() {
        let ordinary = "
            1.1.1.1 8.8.8.8 9.255.255.255 11.0.0.0 100.63.255.255 100.128.0.0 126.255.255.255 128.0.0.1 169.253.0.1
            169.255.0.1 172.15.255.255 172.32.0.0 191.255.255.255 192.0.1.1 192.0.3.1 192.88.98.1 192.167.0.1 192.169.0.1
            198.17.0.1 198.20.0.1 198.51.99.1 203.0.112.1 223.255.255.255
            64:ff9b::8.8.8.8 2001:200::1 2001:4860:4860::8888 2001:db7::1 2003::1 2606:4700::1111 2a00:1450::1 3ffe::1
            3fff:1000::1";
        for address in ordinary.split_whitespace() {
            assert!(is_global_unicast(address.parse().unwrap()), "{address}");
        }
    }

    #[test]
    fn internal_addresses_are_loopback_or_private() {
        for address in ["127.0.0.1", "10.1.2.3", "172.16.0.1", "192.168.1.1", "::1", "fd00::1"] {
            assert!(is_internal(address.parse().unwrap()), "{address}");
        }
        for address in ["0.0.0.0", "8.8.8.8", "169.254.169.254", "100.64.0.1", "::", "fe80::1", "2606:4700::1111"] {
            assert!(!is_internal(address.parse().unwrap()), "{address}");
        }
    }
}
