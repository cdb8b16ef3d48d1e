//! The connection of a client whose room another instance owns: copies bytes in both directions.
//!
//! The other instance applies all limits of a WebSocket. The pipe has a small buffer for each
//! direction, and stops to read one end while the other one does not accept bytes.

use std::{io, net::SocketAddr, sync::Arc, time::Duration};

use hyper::upgrade::Upgraded;
use hyper_util::rt::TokioIo;
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, split},
    time::{sleep, timeout},
};
use tracing::debug;

use crate::{
    cluster::{Cluster, Forwarding},
    config::Config,
    drain::Closing,
    metrics::Counted,
    rooms::JoinRequest,
};

/// The buffer for each direction.
const BUFFER_BYTES: usize = 2048;

/// The time for which the second direction lasts after the first one has ended. The other instance
/// waits less for the answer to a close frame.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(2);

/// A forwarded client. It counts as one until it is dropped.
#[derive(Debug)]
pub(crate) struct Pipe {
    #[expect(dead_code, reason = "counts until it is dropped")]
    forwarding: Forwarding,
    #[expect(dead_code, reason = "counts until it is dropped")]
    counted: Counted,
    /// The time that one end may need to accept bytes.
    stall_timeout: Duration,
}

impl Pipe {
    /// Creates the pipe of a client whose room is at `address`.
    pub(crate) fn new(
        cluster: &Arc<Cluster>,
        join_request: &JoinRequest,
        address: SocketAddr,
        config: &Config,
    ) -> Self {
        Self {
            forwarding: cluster.forward(join_request, address),
            counted: cluster.metrics().forwarded_client(),
            stall_timeout: config.silence_timeout,
        }
    }

    /// Copies bytes until one end closes, or this instance ends.
    pub(crate) async fn run(self, client: Upgraded, owner: Upgraded, mut closing: Closing) {
        let ends = (TokioIo::new(client), TokioIo::new(owner));
        tokio::select! {
            () = copy_both(ends.0, ends.1, self.stall_timeout) => {}
            // The owner keeps the place of the client, which returns through another instance.
            farewell = closing.farewell() => debug!(?farewell, "ended a forwarded connection"),
        }
    }
}

async fn copy_both(
    client: impl AsyncRead + AsyncWrite,
    owner: impl AsyncRead + AsyncWrite,
    stall_timeout: Duration,
) {
    let (mut from_client, mut to_client) = split(client);
    let (mut from_owner, mut to_owner) = split(owner);
    let up = copy(&mut from_client, &mut to_owner, stall_timeout);
    let down = copy(&mut from_owner, &mut to_client, stall_timeout);
    tokio::pin!(up, down);
    // An error ends both directions.
    let other = async {
        tokio::select! {
            result = &mut up => { result?; either_ends(&mut down).await }
            result = &mut down => { result?; either_ends(&mut up).await }
        }
    };
    if let Err(error) = other.await {
        debug!(%error, "a forwarded connection failed");
    }
}

async fn either_ends(direction: impl Future<Output = io::Result<()>>) -> io::Result<()> {
    tokio::select! {
        result = direction => result,
        () = sleep(CLOSE_TIMEOUT) => Ok(()),
    }
}

/// Copies bytes in one direction until the sender closes it, and then closes it for the receiver.
async fn copy(
    from: &mut (impl AsyncRead + Unpin),
    to: &mut (impl AsyncWrite + Unpin),
    stall_timeout: Duration,
) -> io::Result<()> {
    let mut buffer = [0; BUFFER_BYTES];
    loop {
        let length = from.read(&mut buffer).await?;
        let Some(bytes) = buffer.get(..length).filter(|bytes| !bytes.is_empty()) else {
            return to.shutdown().await;
        };
        let write = async {
            to.write_all(bytes).await?;
            to.flush().await
        };
        // Otherwise, an end that does not read would keep the pipe open forever.
        timeout(stall_timeout, write).await??;
    }
}

#[cfg(test)]
mod tests {
    use tokio::{io::duplex, time::Instant};

    use super::*;

    const STALL: Duration = Duration::from_secs(40);

    #[tokio::test(start_paused = true)]
    async fn bytes_pass_in_both_directions_until_both_ends_close() {
        let ((client, front), (back, owner)) = (duplex(64), duplex(64));
        let pipe = tokio::spawn(copy_both(front, back, STALL));
        let (mut from_client, mut to_client) = split(client);
        let (mut from_owner, mut to_owner) = split(owner);
        let long: Vec<u8> = (0..10_000_u32).map(|n| n.to_le_bytes()[0]).collect();
        let mut received = vec![0; long.len()];
        for _ in 0..2 {
            let (sent, read) = tokio::join!(
                to_client.write_all(&long),
                from_owner.read_exact(&mut received)
            );
            sent.unwrap();
            read.unwrap();
            assert_eq!(received, long);
            let (sent, read) = tokio::join!(
                to_owner.write_all(&long),
                from_client.read_exact(&mut received)
            );
            sent.unwrap();
            read.unwrap();
            assert_eq!(received, long);
        }
        to_client.shutdown().await.unwrap();
        assert_eq!(from_owner.read(&mut received).await.unwrap(), 0);
        // The other direction is open until its end closes.
        to_owner.write_all(b"last").await.unwrap();
        from_client.read_exact(&mut received[..4]).await.unwrap();
        to_owner.shutdown().await.unwrap();
        pipe.await.unwrap();
    }

    #[tokio::test(start_paused = true)]
    async fn end_that_does_not_close_is_given_up() {
        let ((client, front), (back, owner)) = (duplex(64), duplex(64));
        let start = Instant::now();
        let pipe = tokio::spawn(copy_both(front, back, STALL));
        drop(owner);
        pipe.await.unwrap();
        assert_eq!(start.elapsed(), CLOSE_TIMEOUT);
        drop(client);
    }

    #[tokio::test(start_paused = true)]
    async fn end_that_does_not_read_is_given_up() {
        let ((client, front), (back, mut owner)) = (duplex(64), duplex(64));
        let start = Instant::now();
        let pipe = tokio::spawn(copy_both(front, back, STALL));
        assert!(owner.write_all(&[0; 10_000]).await.is_err());
        pipe.await.unwrap();
        assert_eq!(start.elapsed(), STALL);
        drop(client);
    }
}
