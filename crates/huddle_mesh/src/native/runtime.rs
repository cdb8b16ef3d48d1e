//! The asynchronous runtime that the `webrtc` crate uses: Tokio, with resolved names and sockets
//! that reach TURN servers over TCP and TLS.

use std::{
    collections::BTreeMap,
    future::Future,
    io,
    net::{IpAddr, SocketAddr, TcpListener, UdpSocket},
    pin::Pin,
    sync::Arc,
    time::Duration,
};

use webrtc::runtime::{
    AsyncInterval, AsyncTcpListener, AsyncTcpStream, AsyncUdpSocket, JoinHandle, Runtime,
    TokioRuntime,
};

use super::{
    scoped::ScopedSockets,
    scoped_socket::ScopedSocket,
    turn::{Flush, RelayedSocket, StreamServers},
};

type Boxed<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// The addresses of ICE servers, by host name.
pub(super) type Names = BTreeMap<String, Vec<IpAddr>>;

tokio::task_local! {
    /// Set in the tasks of the `webrtc` crate.
    static IN_CRATE: ();
}

/// The runtime of a connection.
#[derive(Debug)]
pub(super) struct LinkRuntime {
    names: Names,
    servers: Arc<StreamServers>,
    flush: Arc<Flush>,
    scoped: Arc<ScopedSockets>,
}

impl LinkRuntime {
    pub(super) fn new(
        names: Names,
        servers: StreamServers,
        flush: Flush,
        scoped: Arc<ScopedSockets>,
    ) -> Self {
        Self {
            names,
            servers: Arc::new(servers),
            flush: Arc::new(flush),
            scoped,
        }
    }
}

/// Returns the addresses of `host`, which has the format `name:port`. An IPv6 address may have no
/// brackets, because the `webrtc` crate omits them for TURN servers.
fn resolve(names: &Names, host: &str) -> io::Result<Vec<SocketAddr>> {
    let unknown = || io::Error::new(io::ErrorKind::NotFound, "its name was not resolved");
    let (name, port) = host.rsplit_once(':').ok_or_else(unknown)?;
    let port: u16 = port.parse().map_err(|_| unknown())?;
    let name = name.trim_start_matches('[').trim_end_matches(']');
    if let Ok(address) = name.parse::<IpAddr>() {
        return Ok(vec![(address, port).into()]);
    }
    let found = names.get(name).ok_or_else(unknown)?;
    Ok(found
        .iter()
        .map(|address| (*address, port).into())
        .collect())
}

impl Runtime for LinkRuntime {
    fn spawn(&self, future: Boxed<'static, ()>) -> Box<dyn JoinHandle> {
        TokioRuntime.spawn(Box::pin(IN_CRATE.scope((), future)))
    }

    fn wrap_udp_socket(&self, socket: UdpSocket) -> io::Result<Arc<dyn AsyncUdpSocket>> {
        let udp = match self.scoped.behind(socket.local_addr()?)? {
            None => ScopedSocket::unscoped(TokioRuntime.wrap_udp_socket(socket)?),
            Some((behind, scope)) => {
                ScopedSocket::scoped(TokioRuntime.wrap_udp_socket(behind)?, scope, socket)
            }
        };
        let udp = Arc::new(udp);
        Ok(Arc::new(RelayedSocket::new(
            udp,
            Arc::clone(&self.servers),
            Arc::clone(&self.flush),
        )))
    }

    fn wrap_tcp_listener(&self, listener: TcpListener) -> io::Result<Arc<dyn AsyncTcpListener>> {
        TokioRuntime.wrap_tcp_listener(listener)
    }

    fn connect_tcp<'a>(
        &'a self,
        address: SocketAddr,
    ) -> Boxed<'a, io::Result<Arc<dyn AsyncTcpStream>>> {
        TokioRuntime.connect_tcp(address)
    }

    /// Returns addresses that were looked up before. The `webrtc` crate waits for this before it
    /// reports any candidate, and does not limit the time.
    fn resolve_host<'a>(&'a self, host: &'a str) -> Boxed<'a, io::Result<Vec<SocketAddr>>> {
        Box::pin(std::future::ready(resolve(&self.names, host)))
    }

    /// Sleeps, or wakes the connection's task at once to [flush](Flush) relayed packets. Other
    /// tasks use the method to limit the time of their work.
    fn sleep(&self, duration: Duration) -> Boxed<'static, ()> {
        if IN_CRATE.try_with(|()| ()).is_err() || !self.flush.wakes() {
            return TokioRuntime.sleep(duration);
        }
        let flush = Arc::clone(&self.flush);
        Box::pin(async move { flush.woke() })
    }

    fn interval(&self, period: Duration) -> Box<dyn AsyncInterval> {
        TokioRuntime.interval(period)
    }

    fn block_on(&self, future: Pin<Box<dyn Future<Output = ()> + '_>>) {
        TokioRuntime.block_on(future);
    }

    fn yield_now(&self) -> Boxed<'static, ()> {
        TokioRuntime.yield_now()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts_are_resolved_without_lookup() {
        let names = Names::from([(
            "turn.example".to_owned(),
            vec!["192.0.2.1".parse().unwrap(), "2001:db8::1".parse().unwrap()],
        )]);
        let resolved = |host: &str| {
            let addresses = resolve(&names, host).ok()?;
            Some(
                addresses
                    .iter()
                    .map(SocketAddr::to_string)
                    .collect::<Vec<_>>(),
            )
        };
        for (host, expected) in [
            ("192.0.2.7:3478", &["192.0.2.7:3478"][..]),
            ("[2001:db8::7]:3478", &["[2001:db8::7]:3478"]),
            // This is how the `webrtc` crate writes it.
            ("2001:db8::7:3478", &["[2001:db8::7]:3478"]),
            ("turn.example:80", &["192.0.2.1:80", "[2001:db8::1]:80"]),
        ] {
            assert_eq!(resolved(host).unwrap(), expected, "{host}");
        }
        for host in ["unknown.example:80", "turn.example", "turn.example:http"] {
            assert_eq!(resolved(host), None, "{host}");
        }
    }
}
