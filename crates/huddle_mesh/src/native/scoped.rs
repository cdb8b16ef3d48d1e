//! Sockets with IPv6 link-local addresses, which the `webrtc` crate does not support.
//!
//! Such an address is valid only together with an interface, its scope. The crate takes the scope
//! of a socket's address as a part of its identity, but a candidate has none, so the crate would
//! find no socket for the candidate. Therefore, the crate binds a stand-in with the same port on
//! the loopback address. The link replaces the address in the candidate, and the socket.

use std::{
    collections::BTreeMap,
    io,
    net::{Ipv6Addr, SocketAddr, SocketAddrV6, UdpSocket},
};

/// A socket with a link-local address, which stands behind a loopback address.
#[derive(Debug)]
struct Scoped {
    address: SocketAddrV6,
    socket: UdpSocket,
}

/// The sockets with link-local addresses of a connection, by port.
#[derive(Debug, Default)]
pub(super) struct ScopedSockets(BTreeMap<u16, Scoped>);

impl ScopedSockets {
    /// Binds a socket to each address. Leaves out addresses that cannot be used.
    pub(super) fn bind(addresses: &[SocketAddrV6]) -> Self {
        let bound = addresses.iter().filter_map(|address| {
            let socket = UdpSocket::bind(address).ok()?;
            let port = socket.local_addr().ok()?.port();
            // The crate binds the stand-in a moment later.
            UdpSocket::bind((Ipv6Addr::LOCALHOST, port)).ok()?;
            let address = *address;
            Some((port, Scoped { address, socket }))
        });
        Self(bound.collect())
    }

    /// Returns the addresses of the stand-ins.
    pub(super) fn stand_ins(&self) -> impl Iterator<Item = SocketAddr> {
        let ports = self.0.keys();
        ports.map(|port| (Ipv6Addr::LOCALHOST, *port).into())
    }

    /// Returns the socket behind a stand-in, and its scope.
    pub(super) fn behind(&self, stand_in: SocketAddr) -> io::Result<Option<(UdpSocket, u32)>> {
        match self.find(stand_in) {
            None => Ok(None),
            Some(scoped) => Ok(Some((
                scoped.socket.try_clone()?,
                scoped.address.scope_id(),
            ))),
        }
    }

    /// Replaces the address of a stand-in in a candidate.
    pub(super) fn rewrite(&self, candidate: String) -> String {
        // The address and the port are the fifth and the sixth word (RFC 8839, section 5.1).
        let mut words: Vec<_> = candidate.split(' ').collect();
        let [_, _, _, _, ip, port, ..] = &mut words[..] else {
            return candidate;
        };
        let (Ok(parsed), Ok(port)) = (ip.parse(), port.parse()) else {
            return candidate;
        };
        let Some(scoped) = self.find(SocketAddr::new(parsed, port)) else {
            return candidate;
        };
        let address = scoped.address.ip().to_string();
        *ip = &address;
        words.join(" ")
    }

    fn find(&self, stand_in: SocketAddr) -> Option<&Scoped> {
        let scoped = self.0.get(&stand_in.port())?;
        (stand_in.ip() == Ipv6Addr::LOCALHOST).then_some(scoped)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn candidate_of_a_stand_in_gets_the_link_local_address() {
        let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
        let address = "[fe80::7%3]:0".parse().unwrap();
        let sockets = ScopedSockets(BTreeMap::from([(4000, Scoped { address, socket })]));
        let host = |address, port| format!("candidate:1 1 udp 5 {address} {port} typ host");
        let rewritten = |address, port| sockets.rewrite(host(address, port));
        assert_eq!(rewritten("::1", 4000), host("fe80::7", 4000));
        for (address, port) in [("::1", 4001), ("127.0.0.1", 4000), ("x.local", 4000)] {
            assert_eq!(rewritten(address, port), host(address, port));
        }
        assert_eq!(sockets.rewrite(String::new()), "");
        let stand_in = sockets.stand_ins().next().unwrap();
        assert_eq!(sockets.behind(stand_in).unwrap().unwrap().1, 3);
    }

    #[test]
    fn unusable_addresses_are_left_out() {
        let none = ["[fe80::dead:beef%1]:0".parse().unwrap()];
        assert_eq!(ScopedSockets::bind(&none).stand_ins().count(), 0);
    }
}
