//! Sockets on hosts, and the kind of a test.

use std::{
    net::{IpAddr, Ipv4Addr, UdpSocket},
    time::{Duration, Instant},
};

use anyhow::{bail, ensure};
use network_lab::Host;

pub(crate) const RECEIVE_TIMEOUT: Duration = Duration::from_secs(2);
/// The time in which a packet would arrive.
pub(crate) const SHORT: Duration = Duration::from_millis(100);
pub(crate) const PORT: u16 = 4000;

pub(crate) type Test = fn() -> anyhow::Result<()>;

pub(crate) fn socket(host: &Host) -> anyhow::Result<UdpSocket> {
    let socket = host.enter(|| UdpSocket::bind((Ipv4Addr::UNSPECIFIED, PORT)))??;
    socket.set_read_timeout(Some(RECEIVE_TIMEOUT))?;
    Ok(socket)
}

/// Sends a packet from one socket to the other. Returns the elapsed time.
pub(crate) fn send(from: &UdpSocket, to: &UdpSocket, address: IpAddr) -> anyhow::Result<Duration> {
    let start = Instant::now();
    from.send_to(b"hello", (address, PORT))?;
    let mut bytes = [0; 16];
    let len = to.recv(&mut bytes)?;
    ensure!(&bytes[..len] == b"hello", "another packet arrived");
    Ok(start.elapsed())
}

pub(crate) fn receives_nothing(socket: &UdpSocket) -> anyhow::Result<()> {
    socket.set_read_timeout(Some(SHORT))?;
    let received = socket.recv(&mut [0; 16]);
    socket.set_read_timeout(Some(RECEIVE_TIMEOUT))?;
    match received {
        Ok(_) => bail!("a packet arrived"),
        Err(_) => Ok(()),
    }
}
