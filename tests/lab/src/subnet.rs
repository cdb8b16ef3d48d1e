//! The addresses of the interfaces on a switch.

use std::{
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
    sync::atomic::{AtomicU8, Ordering},
};

/// The IP addresses of the hosts of a [`Lab`](crate::Lab).
///
/// Every interface also has the IPv6 address that Linux derives from its MAC address.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Addresses {
    /// An IPv4 address.
    V4,
    /// An IPv6 address.
    V6,
    /// An IPv4 address and an IPv6 address.
    Both,
    /// An IPv4 address of 169.254.0.0/16, which machines choose themselves if there is no DHCP
    /// server. There is no default route.
    LinkLocal,
}

/// A port of a switch. Its number determines the addresses of the connected interface.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct Port(pub(crate) u8);

impl Port {
    /// The port of a router.
    pub(crate) const GATEWAY: Self = Self(254);

    /// Returns the destination port of a frame, or `None` for a broadcast or multicast frame.
    pub(crate) fn of_destination(frame: &[u8]) -> Option<Self> {
        match frame {
            [2, 0, 0, 0, _, port, ..] => Some(Self(*port)),
            _ => None,
        }
    }
}

/// The subnet of a switch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Subnet {
    number: u8,
    addresses: Addresses,
}

impl Subnet {
    /// Returns the subnet of the switch to which routers connect their own networks.
    pub(crate) fn outer(addresses: Addresses) -> Self {
        Self {
            number: 0,
            addresses,
        }
    }

    /// Returns a subnet with addresses that no other subnet has.
    pub(crate) fn unused(addresses: Addresses) -> Self {
        static NEXT: AtomicU8 = AtomicU8::new(1);
        Self {
            number: NEXT.fetch_add(1, Ordering::Relaxed).max(1),
            addresses,
        }
    }

    /// Returns the kind of addresses.
    pub(crate) fn kind(self) -> Addresses {
        self.addresses
    }

    pub(crate) fn mac(self, port: Port) -> String {
        format!("02:00:00:00:{:02x}:{:02x}", self.number, port.0)
    }

    /// Returns the addresses of a port, at least one.
    pub(crate) fn addresses(self, port: Port) -> Vec<IpAddr> {
        let Port(port) = port;
        let v4 = IpAddr::V4(match (self.addresses, self.number) {
            (Addresses::LinkLocal, _) => Ipv4Addr::new(169, 254, 78, port),
            (_, 0) => Ipv4Addr::new(10, 78, 0, port),
            (_, number) => Ipv4Addr::new(192, 168, number, port),
        });
        let number = u16::from(self.number);
        let v6 = IpAddr::V6(Ipv6Addr::new(0xfd78, 0, 0, number, 0, 0, 0, port.into()));
        match self.addresses {
            Addresses::V4 | Addresses::LinkLocal => vec![v4],
            Addresses::V6 => vec![v6],
            Addresses::Both => vec![v4, v6],
        }
    }

    /// Returns the arguments of `ip` that add a port's addresses to an interface.
    pub(crate) fn address_commands(self, port: Port, interface: &str) -> Vec<String> {
        let addresses = self.addresses(port).into_iter();
        let command = |address| match (address, self.addresses) {
            (IpAddr::V4(address), Addresses::LinkLocal) => {
                format!("addr add {address}/16 broadcast + dev {interface}")
            }
            (IpAddr::V4(address), _) => {
                format!("addr add {address}/24 broadcast + dev {interface}")
            }
            // Duplicate address detection would delay its use by a second.
            (IpAddr::V6(address), _) => format!("addr add {address}/64 dev {interface} nodad"),
        };
        addresses.map(command).collect()
    }

    /// Returns the arguments of `ip` that make the interface the default route.
    pub(crate) fn route_commands(self, interface: &str) -> Vec<String> {
        if self.addresses == Addresses::LinkLocal {
            return Vec::new();
        }
        let gateways = self.addresses(Port::GATEWAY).into_iter();
        gateways
            .map(|gateway| {
                let family = if gateway.is_ipv6() { "-6 " } else { "" };
                format!("{family}route replace default via {gateway} dev {interface}")
            })
            .collect()
    }
}
