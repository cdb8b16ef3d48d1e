//! Addresses as text, with or without their last part.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// How a report writes public IP addresses.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Addresses {
    /// Without the part that identifies a household. Players may post such a report anywhere.
    Shortened,
    /// Completely.
    Full,
}

impl Addresses {
    /// Writes the address and port of a candidate.
    pub(crate) fn write(self, address: &str, port: u16) -> String {
        match address.parse::<IpAddr>() {
            Err(_) => format!("port {port}"),
            Ok(ip) if self == Self::Shortened && is_public(ip) => match ip {
                IpAddr::V4(ip) => {
                    let [first, second, ..] = ip.octets();
                    format!("{first}.{second}.x.x:{port}")
                }
                IpAddr::V6(ip) => {
                    let [first, second, ..] = ip.segments();
                    format!("[{first:x}:{second:x}:x]:{port}")
                }
            },
            Ok(IpAddr::V4(ip)) => format!("{ip}:{port}"),
            Ok(IpAddr::V6(ip)) => format!("[{ip}]:{port}"),
        }
    }
}

/// Describes the kind of an address.
pub(crate) fn describe(address: &str) -> &'static str {
    match address.parse::<IpAddr>() {
        Err(_) => "address hidden by the browser",
        Ok(ip) if ip.to_canonical().is_loopback() => "this machine only",
        Ok(ip) if is_public(ip) && ip.is_ipv4() => "IPv4, public",
        Ok(ip) if is_public(ip) => "IPv6, public",
        Ok(IpAddr::V4(ip)) if is_carrier(ip) => "IPv4, shared by customers of a provider",
        Ok(IpAddr::V4(_)) => "IPv4, private",
        Ok(IpAddr::V6(_)) => "IPv6, private",
    }
}

fn is_public(ip: IpAddr) -> bool {
    match ip.to_canonical() {
        IpAddr::V4(ip) => {
            !(ip.is_private()
                || ip.is_loopback()
                || ip.is_link_local()
                || ip.is_unspecified()
                || is_carrier(ip))
        }
        IpAddr::V6(ip) => !is_local(ip),
    }
}

/// Returns whether the address belongs to the NAT of a provider (RFC 6598).
fn is_carrier(ip: Ipv4Addr) -> bool {
    let [first, second, ..] = ip.octets();
    first == 100 && second & 0b1100_0000 == 64
}

fn is_local(ip: Ipv6Addr) -> bool {
    ip.is_loopback() || ip.is_unspecified() || ip.is_unique_local() || ip.is_unicast_link_local()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn public_addresses_are_shortened_and_private_ones_are_not() {
        for (address, shortened) in [
            ("203.0.113.7", "203.0.x.x:9"),
            ("2001:db8:1:2:3:4:5:6", "[2001:db8:x]:9"),
            ("::ffff:203.0.113.7", "[0:0:x]:9"),
            ("192.168.1.5", "192.168.1.5:9"),
            ("100.64.1.2", "100.64.1.2:9"),
            ("100.128.1.2", "100.128.x.x:9"),
            ("fd00::1", "[fd00::1]:9"),
            ("fe80::1", "[fe80::1]:9"),
        ] {
            assert_eq!(Addresses::Shortened.write(address, 9), shortened);
        }
        assert_eq!(Addresses::Full.write("203.0.113.7", 9), "203.0.113.7:9");
        assert_eq!(Addresses::Full.write("2001:db8::6", 9), "[2001:db8::6]:9");
    }

    #[test]
    fn kinds_of_addresses_are_described() {
        for (address, expected) in [
            ("127.0.0.1", "this machine only"),
            ("::1", "this machine only"),
            ("203.0.113.7", "IPv4, public"),
            ("2001:db8::1", "IPv6, public"),
            ("192.168.1.5", "IPv4, private"),
            ("fe80::1", "IPv6, private"),
            ("100.64.1.2", "IPv4, shared by customers of a provider"),
        ] {
            assert_eq!(describe(address), expected, "{address}");
        }
    }

    #[test]
    fn name_of_a_browser_is_not_written() {
        let name = "7f3a4f5e-aaaa.local";
        assert!(!Addresses::Full.write(name, 9).contains("7f3a"));
        assert_eq!(describe(name), "address hidden by the browser");
    }
}
