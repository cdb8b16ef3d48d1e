//! The TURN servers that a connection reaches over TCP or TLS, and their virtual addresses.

use std::{
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use rustls::ClientConfig;

/// The host name of the virtual addresses. It cannot exist (RFC 6761, section 6.4).
pub(in super::super) const VIRTUAL_HOST: &str = "turn-stream.invalid";
/// The virtual addresses: multicast for documentation (RFC 6676). No machine sends from them. The
/// mesh rejects candidates with multicast addresses, so no peer can make this machine send to them.
const VIRTUAL_V4: Ipv4Addr = Ipv4Addr::new(233, 252, 0, 1);
const VIRTUAL_V6: Ipv6Addr = Ipv6Addr::new(0xff01, 0, 0, 0, 0, 0xdb8, 0, 1);
/// The maximum number of servers, so that no virtual port is that of mDNS, which the `webrtc` crate
/// treats specially.
const MAX_SERVERS: usize = 64;

/// A TURN server that is reached over TCP or TLS.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in super::super) struct StreamServer {
    /// The URL in the configuration, for logs.
    pub(in super::super) url: String,
    pub(in super::super) host: String,
    pub(in super::super) port: u16,
    /// Whether to use TLS.
    pub(in super::super) is_secure: bool,
}

/// The TURN servers that the sockets of a connection reach over TCP or TLS.
///
/// The `webrtc` crate sends to each server from all of its sockets. The first socket that does so
/// claims the server, and the others ignore it: a TCP connection does not depend on a socket's
/// address, so more connections would have no advantage.
#[derive(Debug)]
pub(in super::super) struct StreamServers {
    servers: Vec<(StreamServer, AtomicBool)>,
    pub(super) tls: Arc<ClientConfig>,
}

/// Returns the addresses of [`VIRTUAL_HOST`]. The port selects the server.
pub(in super::super) fn virtual_addresses() -> Vec<IpAddr> {
    vec![VIRTUAL_V4.into(), VIRTUAL_V6.into()]
}

/// Returns whether `address` is virtual.
pub(super) fn is_virtual(address: &SocketAddr) -> bool {
    match address.ip() {
        IpAddr::V4(address) => address == VIRTUAL_V4,
        IpAddr::V6(address) => address == VIRTUAL_V6,
    }
}

impl StreamServers {
    pub(in super::super) fn new(tls: Arc<ClientConfig>) -> Self {
        Self {
            servers: Vec::new(),
            tls,
        }
    }

    /// Adds a server. Returns its virtual port, or `None` if there are too many servers.
    pub(in super::super) fn add(&mut self, server: StreamServer) -> Option<u16> {
        if self.servers.len() >= MAX_SERVERS {
            return None;
        }
        self.servers.push((server, AtomicBool::new(false)));
        u16::try_from(self.servers.len()).ok()
    }

    /// Returns the server with this virtual port, unless a socket has claimed it.
    pub(super) fn claim(&self, port: u16) -> Option<&StreamServer> {
        let (server, is_claimed) = self.servers.get(usize::from(port).checked_sub(1)?)?;
        (!is_claimed.swap(true, Ordering::Relaxed)).then_some(server)
    }

    /// Lets another socket claim the server with this virtual port.
    pub(super) fn release(&self, port: u16) {
        if let Some((_, is_claimed)) = self.servers.get(usize::from(port).wrapping_sub(1)) {
            is_claimed.store(false, Ordering::Relaxed);
        }
    }
}
