//! The address of a client, to which the limits apply.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use http::HeaderMap;
use ipnet::IpNet;

#[cfg(test)]
mod tests;

/// The header in which reverse proxies list the addresses that a request came from.
pub(crate) const FORWARDED_FOR: &str = "x-forwarded-for";

/// The unit to which the limits apply: an IPv4 address, or a /64 network of IPv6. A customer of an
/// internet provider usually controls all addresses of such a network.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Address {
    V4(Ipv4Addr),
    V6(u64),
}

impl From<IpAddr> for Address {
    fn from(address: IpAddr) -> Self {
        match address.to_canonical() {
            IpAddr::V4(address) => Self::V4(address),
            IpAddr::V6(address) => Self::V6(network(address)),
        }
    }
}

impl Address {
    /// Returns the address, or the first address of the network.
    pub(crate) fn ip(self) -> IpAddr {
        match self {
            Self::V4(address) => address.into(),
            Self::V6(network) => Ipv6Addr::from_bits(u128::from(network) << 64).into(),
        }
    }
}

fn network(address: Ipv6Addr) -> u64 {
    // The conversion is lossless after the shift.
    (address.to_bits() >> 64) as u64
}

/// The origin of a TCP connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Peer {
    /// A trusted reverse proxy, or a program on the server's own machine. The header of each
    /// request determines the client's address.
    Trusted(IpAddr),
    /// A client. The server ignores what its header claims.
    Client(IpAddr),
    /// Another instance of the cluster. The header contains the address to which it applies its own
    /// limits.
    Instance,
}

impl Peer {
    pub(crate) fn new(address: IpAddr, trusted_proxies: &[IpNet]) -> Self {
        let address = address.to_canonical();
        if is_trusted(address, trusted_proxies) {
            Self::Trusted(address)
        } else {
            Self::Client(address)
        }
    }

    /// Returns the address to which the limits apply for the whole connection, or `None` if each
    /// request has its own.
    pub(crate) fn address(self) -> Option<Address> {
        match self {
            Self::Trusted(_) | Self::Instance => None,
            Self::Client(address) => Some(address.into()),
        }
    }

    /// Returns the address to which the limits apply for a request with these headers. Returns
    /// `None` for a program on the server's own machine, which is not limited.
    pub(crate) fn client(self, headers: &HeaderMap, trusted_proxies: &[IpNet]) -> Option<Address> {
        let proxy = match self {
            Self::Client(address) => return Some(address.into()),
            Self::Instance => return forwarded(headers, &[]).map(Address::from),
            Self::Trusted(proxy) => proxy,
        };
        if !headers.contains_key(FORWARDED_FOR) {
            return (!proxy.is_loopback()).then(|| proxy.into());
        }
        let address = forwarded(headers, trusted_proxies);
        Some(address.unwrap_or(proxy).into())
    }

    /// Returns advice for the host if the headers show that the configuration does not match the
    /// reverse proxies.
    pub(crate) fn advice(self, headers: &HeaderMap) -> Option<&'static str> {
        let is_forwarded = headers.contains_key(FORWARDED_FOR);
        match self {
            Self::Client(address) if is_forwarded && is_private(address) => Some(
                "a reverse proxy that is not trusted forwards requests, so all of its clients \
                 count as one address. Pass the proxy's address to --trusted-proxy",
            ),
            Self::Trusted(address) if !is_forwarded && !address.is_loopback() => Some(
                "a trusted reverse proxy sends no X-Forwarded-For, so all of its clients count as \
                 one address. Configure the proxy to set this header",
            ),
            _ => None,
        }
    }
}

/// Returns the last address that is not a trusted proxy. If all are trusted, returns the first one.
/// Returns `None` if there is no such address. A client can prepend addresses, so only those that
/// trusted proxies have appended count.
fn forwarded(headers: &HeaderMap, trusted_proxies: &[IpNet]) -> Option<IpAddr> {
    let lines = headers.get_all(FORWARDED_FOR).iter();
    let entries = lines.flat_map(|line| line.as_bytes().split(|&byte| byte == b','));
    let mut first = None;
    for entry in entries.rev() {
        let address = parse_entry(entry)?;
        if !is_trusted(address, trusted_proxies) {
            return Some(address);
        }
        first = Some(address);
    }
    first
}

/// Parses an address, which may have a port, and brackets around an IPv6 address.
fn parse_entry(entry: &[u8]) -> Option<IpAddr> {
    let entry = std::str::from_utf8(entry).ok()?.trim();
    let bare = entry
        .strip_prefix('[')
        .and_then(|entry| entry.strip_suffix(']'))
        .unwrap_or(entry);
    let address = bare.parse::<IpAddr>().ok();
    let address = address.or_else(|| Some(entry.parse::<SocketAddr>().ok()?.ip()));
    address.map(|address| address.to_canonical())
}

fn is_trusted(address: IpAddr, trusted_proxies: &[IpNet]) -> bool {
    trusted_proxies.iter().any(|net| net.contains(&address))
}

/// Returns whether the address cannot belong to a client on the internet. Such a peer is usually a
/// reverse proxy.
fn is_private(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => {
            // Providers use 100.64.0.0/10 for their customers, but containers and VPNs use it, too.
            let is_shared = address.octets()[0] == 100 && address.octets()[1] & 0xc0 == 64;
            address.is_private() || address.is_loopback() || address.is_link_local() || is_shared
        }
        IpAddr::V6(address) => {
            address.is_loopback() || address.is_unique_local() || address.is_unicast_link_local()
        }
    }
}
