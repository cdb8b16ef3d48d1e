//! Opens TCP connections to servers with several addresses.

use std::{io, net::SocketAddr, time::Duration};

use futures_util::stream::{FuturesUnordered, StreamExt};
use tokio::{
    net::{TcpStream, lookup_host},
    time::sleep,
};

/// The delay between the attempts to connect to two addresses of a server (RFC 8305, section 5).
const ATTEMPT_DELAY: Duration = Duration::from_millis(250);
/// The maximum number of addresses of a server to try.
const MAX_ADDRESSES: usize = 16;

/// Looks up the addresses of a server. This runs on a thread that cannot be cancelled: after a
/// timeout of the caller, it continues without the caller's task.
pub(super) async fn lookup(host: &str, port: u16) -> io::Result<Vec<SocketAddr>> {
    let found = lookup_host((host, port)).await?;
    Ok(found.take(MAX_ADDRESSES).collect())
}

/// Connects to the first address that answers.
///
/// Tries the addresses concurrently, so that an unreachable one (for example because IPv6 is
/// broken) does not delay the others.
pub(super) async fn open_any(addresses: Vec<SocketAddr>) -> io::Result<TcpStream> {
    let mut attempts: FuturesUnordered<_> = (0..)
        .zip(addresses)
        .map(async |(index, address)| {
            sleep(ATTEMPT_DELAY * index).await;
            TcpStream::connect(address).await
        })
        .collect();
    let mut result = Err(io::Error::other("its name has no address"));
    while let Some(done) = attempts.next().await {
        result = done;
        if result.is_ok() {
            break;
        }
    }
    result
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use tokio::{
        net::{TcpListener, TcpSocket},
        time::timeout,
    };

    use super::*;

    const LOCAL: (Ipv4Addr, u16) = (Ipv4Addr::LOCALHOST, 0);

    /// Returns a listener that neither accepts nor rejects connections, because its queue is full.
    /// The connections in the queue must be kept.
    async fn black_hole() -> (TcpListener, Vec<TcpStream>) {
        let socket = TcpSocket::new_v4().unwrap();
        socket.bind(LOCAL.into()).unwrap();
        let listener = socket.listen(1).unwrap();
        let address = listener.local_addr().unwrap();
        let mut queue = Vec::new();
        while let Ok(stream) =
            timeout(Duration::from_millis(100), TcpStream::connect(address)).await
        {
            queue.push(stream.unwrap());
        }
        (listener, queue)
    }

    #[tokio::test]
    async fn unreachable_address_does_not_delay_the_next() {
        let (dead, _queue) = black_hole().await;
        let alive = TcpListener::bind(LOCAL).await.unwrap();
        let both = [&dead, &alive].map(|listener| listener.local_addr().unwrap());
        let opened = timeout(Duration::from_secs(2), open_any(both.to_vec())).await;
        let opened = opened.expect("the second address was not tried in time");
        assert_eq!(opened.unwrap().peer_addr().unwrap(), both[1]);
    }
}
