//! The listening socket.

use std::{
    io,
    net::{IpAddr, Ipv4Addr, SocketAddr},
};

use socket2::{Domain, Protocol, Socket, Type};
use tokio::net::TcpListener;
use tracing::warn;

/// The number of connections that wait for the server to accept them. The system may allow fewer.
const BACKLOG: i32 = 4096;

/// Listens on an address. `[::]` includes all IPv4 addresses, and becomes `0.0.0.0` on a system
/// without IPv6.
pub(crate) fn listen(addr: SocketAddr) -> io::Result<TcpListener> {
    match bind(addr) {
        Err(error) if has_fallback(addr, error.kind()) => {
            warn!(%error, "cannot use IPv6, so only clients with IPv4 can connect");
            bind((Ipv4Addr::UNSPECIFIED, addr.port()).into())
        }
        result => result,
    }
}

fn has_fallback(addr: SocketAddr, error: io::ErrorKind) -> bool {
    use io::ErrorKind::{AddrInUse, PermissionDenied};
    is_every_address(addr) && !matches!(error, AddrInUse | PermissionDenied)
}

/// Returns whether the address is `[::]`.
fn is_every_address(addr: SocketAddr) -> bool {
    matches!(addr.ip(), IpAddr::V6(ip) if ip.is_unspecified())
}

fn bind(addr: SocketAddr) -> io::Result<TcpListener> {
    let socket = Socket::new(Domain::for_address(addr), Type::STREAM, Some(Protocol::TCP))?;
    if is_every_address(addr) {
        // The default differs between systems.
        socket.set_only_v6(false)?;
    }
    // Without this, a restarted server could not use its port for a minute. On Windows, the option
    // would let two programs share the port.
    #[cfg(not(windows))]
    socket.set_reuse_address(true)?;
    socket.set_nonblocking(true)?;
    socket.bind(&addr.into())?;
    socket.listen(BACKLOG)?;
    TcpListener::from_std(socket.into())
}

#[cfg(test)]
mod tests {
    use std::{io::ErrorKind, net::Ipv6Addr};

    use tokio::net::TcpStream;

    use super::*;

    #[tokio::test]
    async fn every_address_includes_ipv4() {
        let listener = listen((Ipv6Addr::UNSPECIFIED, 0).into()).unwrap();
        let port = listener.local_addr().unwrap().port();
        TcpStream::connect((Ipv4Addr::LOCALHOST, port))
            .await
            .unwrap();
        let (_, peer) = listener.accept().await.unwrap();
        assert_eq!(peer.ip().to_canonical(), Ipv4Addr::LOCALHOST);
    }

    #[tokio::test]
    async fn port_that_is_taken_for_ipv4_is_taken() {
        let taken = listen((Ipv4Addr::UNSPECIFIED, 0).into()).unwrap();
        let port = taken.local_addr().unwrap().port();
        let error = listen((Ipv6Addr::UNSPECIFIED, port).into()).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::AddrInUse);
    }

    #[test]
    fn only_missing_ipv6_leads_to_ipv4() {
        let every = (Ipv6Addr::UNSPECIFIED, 3536).into();
        assert!(has_fallback(every, ErrorKind::Unsupported));
        assert!(has_fallback(every, ErrorKind::AddrNotAvailable));
        assert!(!has_fallback(every, ErrorKind::AddrInUse));
        assert!(!has_fallback(every, ErrorKind::PermissionDenied));
        let one = (Ipv6Addr::LOCALHOST, 3536).into();
        assert!(!has_fallback(one, ErrorKind::AddrNotAvailable));
    }
}
