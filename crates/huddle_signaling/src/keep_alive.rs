//! Detects that the machine at the other end of a TCP connection has vanished.

use std::time::Duration;

use socket2::{SockRef, TcpKeepalive};
use tokio::net::TcpStream;
use tracing::debug;

/// The time without an acknowledgement after which a connection is lost.
const TIMEOUT: Duration = Duration::from_secs(10);

/// The idle time after which the system checks the connection, and the interval of these checks.
const CHECK_INTERVAL: Duration = Duration::from_secs(3);

/// Ends a connection between two instances soon after its other end has vanished.
pub(crate) fn detect_loss(stream: &TcpStream) {
    let socket = SockRef::from(stream);
    let keep_alive = TcpKeepalive::new()
        .with_time(CHECK_INTERVAL)
        .with_interval(CHECK_INTERVAL);
    let set = socket
        .set_tcp_keepalive(&keep_alive)
        .and_then(|()| limit_unacknowledged(&socket))
        .and_then(|()| stream.set_nodelay(true));
    if let Err(error) = set {
        debug!(%error, "cannot set the options of a connection between instances");
    }
}

/// Also limits the time of sent data, and on Linux the time of checks.
#[cfg(target_os = "linux")]
fn limit_unacknowledged(socket: &SockRef<'_>) -> std::io::Result<()> {
    socket.set_tcp_user_timeout(Some(TIMEOUT))
}

#[cfg(not(target_os = "linux"))]
fn limit_unacknowledged(_: &SockRef<'_>) -> std::io::Result<()> {
    Ok(())
}
