//! A socket that adds the scope to IPv6 link-local addresses.

use std::{
    io::{self, IoSliceMut},
    net::{SocketAddr, UdpSocket},
    sync::Arc,
    task::{Context, Poll},
};

use webrtc::runtime::{AsyncUdpSocket, RecvMeta, Transmit};

use super::addresses::is_link_local;

/// A UDP socket. The peers' link-local addresses have no scope outside of it.
#[derive(Debug)]
pub(super) struct ScopedSocket {
    udp: Arc<dyn AsyncUdpSocket>,
    /// The scope, if the socket has a link-local address.
    scope: Option<u32>,
    /// Keeps the port of the stand-in in use.
    _stand_in: Option<UdpSocket>,
}

impl ScopedSocket {
    /// Wraps a socket that reaches all addresses except link-local ones.
    pub(super) fn unscoped(udp: Arc<dyn AsyncUdpSocket>) -> Self {
        Self {
            udp,
            scope: None,
            _stand_in: None,
        }
    }

    /// Wraps a socket that reaches only link-local addresses.
    pub(super) fn scoped(udp: Arc<dyn AsyncUdpSocket>, scope: u32, stand_in: UdpSocket) -> Self {
        Self {
            udp,
            scope: Some(scope),
            _stand_in: Some(stand_in),
        }
    }
}

/// Returns the address with the scope of the socket, or `None` if the socket cannot reach it.
fn with_scope(address: SocketAddr, scope: Option<u32>) -> Option<SocketAddr> {
    match (address, scope) {
        (SocketAddr::V6(mut address), Some(scope)) if is_link_local(&(*address.ip()).into()) => {
            address.set_scope_id(scope);
            Some(address.into())
        }
        (_, Some(_)) => None,
        (SocketAddr::V6(address), None) if is_link_local(&(*address.ip()).into()) => None,
        _ => Some(address),
    }
}

impl AsyncUdpSocket for ScopedSocket {
    fn local_addr(&self) -> io::Result<SocketAddr> {
        self.udp.local_addr()
    }

    fn poll_send(&self, cx: &mut Context<'_>, transmit: &Transmit<'_>) -> Poll<io::Result<usize>> {
        let Some(destination) = with_scope(transmit.destination, self.scope) else {
            // The `webrtc` crate sends from each socket to each address. An error would only fill
            // the log.
            return Poll::Ready(Ok(transmit.contents.len()));
        };
        let transmit = Transmit {
            destination,
            ecn: transmit.ecn,
            contents: transmit.contents,
            segment_size: transmit.segment_size,
            src_ip: transmit.src_ip,
        };
        self.udp.poll_send(cx, &transmit)
    }

    fn poll_recv(
        &self,
        cx: &mut Context<'_>,
        buffers: &mut [IoSliceMut<'_>],
        meta: &mut [RecvMeta],
    ) -> Poll<io::Result<usize>> {
        let received = self.udp.poll_recv(cx, buffers, meta);
        if let Poll::Ready(Ok(count)) = received {
            for meta in meta.iter_mut().take(count) {
                let (ip, port) = (meta.addr.ip(), meta.addr.port());
                if ip.is_ipv6() {
                    meta.addr = SocketAddr::new(ip, port);
                }
            }
        }
        received
    }

    fn max_gso_segments(&self) -> usize {
        self.udp.max_gso_segments()
    }

    fn max_gro_segments(&self) -> usize {
        self.udp.max_gro_segments()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_scoped_sockets_reach_link_local_addresses() {
        let with_scope = |address: &str, scope| {
            let address = with_scope(address.parse().unwrap(), scope)?;
            Some(address.to_string())
        };
        let link_local = "[fe80::1]:4000";
        assert_eq!(with_scope(link_local, Some(3)).unwrap(), "[fe80::1%3]:4000");
        assert_eq!(with_scope(link_local, None), None);
        for address in ["[2001:db8::1]:4000", "10.0.0.1:4000", "169.254.0.1:4000"] {
            assert_eq!(with_scope(address, None).unwrap(), address);
            assert_eq!(with_scope(address, Some(3)), None);
        }
    }
}
