//! The addresses of this machine that links use.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, SocketAddrV6, UdpSocket};

use rtc_shared::ifaces::{Interface, ifaces};

/// The maximum number of addresses at which any machine may be reached. Each costs a socket and
/// candidates, and two machines check all pairs of their candidates.
const MAX_ROUTABLE: usize = 16;
/// The maximum number of addresses that are valid on one network segment only.
const MAX_LINK_LOCAL: usize = 4;
/// Addresses on the internet. Nothing is sent to them.
const INTERNET: [IpAddr; 2] = [
    IpAddr::V4(Ipv4Addr::new(192, 0, 2, 1)),
    IpAddr::V6(Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 1)),
];

/// The addresses to which a link binds sockets.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Addresses {
    /// The addresses that need no scope.
    pub(super) plain: Vec<IpAddr>,
    /// IPv6 link-local addresses, with the interface as their scope.
    pub(super) scoped: Vec<SocketAddrV6>,
}

impl Addresses {
    /// Returns this machine's addresses. Those that reach the `servers` or the internet come first.
    pub(super) fn of_this_machine(servers: impl IntoIterator<Item = IpAddr>) -> Self {
        let interfaces = ifaces()
            .inspect_err(|error| log::debug!("the interfaces cannot be listed: {error}"))
            .unwrap_or_default();
        let targets = servers.into_iter().chain(INTERNET);
        let preferred: Vec<_> = targets.filter_map(local_address).collect();
        choose(&interfaces, &preferred)
    }
}

/// Returns the address from which this machine sends to `target`.
fn local_address(target: IpAddr) -> Option<IpAddr> {
    let any: IpAddr = match target {
        IpAddr::V4(_) => Ipv4Addr::UNSPECIFIED.into(),
        IpAddr::V6(_) => Ipv6Addr::UNSPECIFIED.into(),
    };
    let socket = UdpSocket::bind((any, 0)).ok()?;
    // This selects a route and sends nothing.
    socket.connect((target, 9)).ok()?;
    Some(socket.local_addr().ok()?.ip())
}

/// Chooses addresses, at most a bounded number.
///
/// - All addresses that other machines may reach. The `preferred` ones come first, so that the
///   limit does not exclude them.
/// - Link-local addresses of interfaces that have no other address. They connect machines on a
///   cable or a network without a router.
/// - Loopback addresses, if this machine has only link-local ones or none. They connect two games
///   on a machine that is offline.
fn choose(interfaces: &[Interface], preferred: &[IpAddr]) -> Addresses {
    let all = || {
        let named = interfaces
            .iter()
            .filter(|interface| interface.addr.is_some());
        named.filter_map(|interface| Some((&interface.name, interface.addr?)))
    };
    let has_routable =
        |name: &String| all().any(|(other, address)| other == name && is_routable(&address.ip()));

    let mut chosen = Addresses::default();
    let listed = || all().map(|(_, address)| address.ip());
    let is_listed = |address: &&IpAddr| listed().any(|listed| listed == **address);
    for address in preferred.iter().filter(is_listed).copied().chain(listed()) {
        if chosen.plain.len() < MAX_ROUTABLE
            && is_routable(&address)
            && !chosen.plain.contains(&address)
        {
            chosen.plain.push(address);
        }
    }
    let is_offline = chosen.plain.is_empty();
    let mut link_local = 0;
    for (name, address) in all() {
        if link_local == MAX_LINK_LOCAL || !is_link_local(&address.ip()) || has_routable(name) {
            continue;
        }
        link_local += 1;
        match address {
            SocketAddr::V4(address) => chosen.plain.push((*address.ip()).into()),
            SocketAddr::V6(address) if address.scope_id() != 0 => chosen.scoped.push(address),
            SocketAddr::V6(_) => {}
        }
    }
    if is_offline {
        let loopback = listed().filter(IpAddr::is_loopback);
        chosen.plain.extend(loopback.take(2));
    }
    chosen
}

/// Returns whether `address` is valid on one network segment only.
pub(super) fn is_link_local(address: &IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => address.is_link_local(),
        IpAddr::V6(address) => address.is_unicast_link_local(),
    }
}

fn is_routable(address: &IpAddr) -> bool {
    !address.is_loopback()
        && !address.is_unspecified()
        && !address.is_multicast()
        && !is_link_local(address)
}

#[cfg(test)]
mod tests {
    use rtc_shared::ifaces::Kind;

    use super::*;

    /// Returns interfaces from texts like "eth0 10.0.0.1". IPv6 addresses have the scope 7.
    fn interfaces(texts: &[&str]) -> Vec<Interface> {
        let parse = |text: &&str| {
            let (name, address) = text.split_once(' ').unwrap();
            let address = match address.parse().unwrap() {
                IpAddr::V4(address) => SocketAddr::from((address, 0)),
                IpAddr::V6(address) => SocketAddrV6::new(address, 0, 0, 7).into(),
            };
            Interface {
                name: name.to_owned(),
                kind: Kind::Unknow(0),
                addr: Some(address),
                mask: None,
                hop: None,
            }
        };
        texts.iter().map(parse).collect()
    }

    fn chosen(texts: &[&str], preferred: &[&str]) -> Vec<String> {
        let preferred: Vec<_> = preferred.iter().map(|text| text.parse().unwrap()).collect();
        let chosen = choose(&interfaces(texts), &preferred);
        let plain = chosen.plain.iter().map(IpAddr::to_string);
        let scoped = chosen.scoped.iter().map(SocketAddrV6::to_string);
        plain.chain(scoped).collect()
    }

    #[test]
    fn online_machine_uses_routable_addresses_only() {
        let texts = [
            "lo 127.0.0.1",
            "lo ::1",
            "eth0 192.168.0.2",
            "eth0 2001:db8::2",
            "eth0 fe80::2",
            "tun0 10.8.0.1",
        ];
        let expected = ["192.168.0.2", "2001:db8::2", "10.8.0.1"];
        assert_eq!(chosen(&texts, &[]), expected);
    }

    #[test]
    fn offline_machine_uses_loopback() {
        assert_eq!(
            chosen(&["lo 127.0.0.1", "lo ::1"], &[]),
            ["127.0.0.1", "::1"]
        );
        assert_eq!(chosen(&[], &[]), [""; 0]);
    }

    #[test]
    fn interfaces_without_other_addresses_use_link_local_ones() {
        let cable = ["lo ::1", "eth0 169.254.3.4", "eth0 fe80::4"];
        assert_eq!(chosen(&cable, &[]), ["169.254.3.4", "::1", "[fe80::4%7]:0"]);
        let both = ["wlan0 10.0.0.7", "wlan0 fe80::7", "eth0 fe80::4"];
        assert_eq!(chosen(&both, &[]), ["10.0.0.7", "[fe80::4%7]:0"]);
    }

    #[test]
    fn number_is_bounded_and_preferred_addresses_stay() {
        let mut texts: Vec<_> = (0..40)
            .map(|number| format!("dead{number} 10.{number}.0.1"))
            .collect();
        texts.extend((0..40).map(|number| format!("tun{number} fe80::{number}")));
        texts.push("eth0 192.168.0.2".to_owned());
        let texts: Vec<_> = texts.iter().map(String::as_str).collect();
        let chosen = chosen(&texts, &["192.168.0.2", "203.0.113.1"]);
        assert_eq!(chosen.len(), MAX_ROUTABLE + MAX_LINK_LOCAL);
        assert_eq!(chosen[..2], ["192.168.0.2", "10.0.0.1"]);
    }

    #[test]
    fn address_towards_a_target_is_found() {
        let local = Ipv4Addr::LOCALHOST.into();
        assert_eq!(local_address(local), Some(local));
    }
}
