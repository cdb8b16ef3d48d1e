//! Limits what a client can send without completing a message.
//!
//! The rate limit counts messages. A message can consist of any number of empty fragments, which
//! would otherwise need the server's time without a limit.

use std::{
    error::Error,
    fmt,
    io::{self, IoSlice},
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    task::{Context, Poll, ready},
};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// The bytes that the server may still read from a connection. There is no limit until the first
/// call of [`Meter::allow`].
#[derive(Debug)]
pub(crate) struct Meter(AtomicUsize);

/// The client sent too many bytes that are no complete message.
#[derive(Debug)]
pub(crate) struct Exhausted;

impl fmt::Display for Exhausted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the client sent too many fragments of a message")
    }
}

impl Error for Exhausted {}

impl Meter {
    pub(crate) fn new() -> Arc<Self> {
        Arc::new(Self(AtomicUsize::new(usize::MAX)))
    }

    /// Allows the server to read this many more bytes.
    pub(crate) fn allow(&self, bytes: usize) {
        self.0.store(bytes, Ordering::Relaxed);
    }

    fn take(&self, bytes: usize) -> io::Result<()> {
        let left = self.0.load(Ordering::Relaxed);
        if left == usize::MAX {
            return Ok(());
        }
        self.0.store(left.saturating_sub(bytes), Ordering::Relaxed);
        if bytes > left {
            return Err(io::Error::other(Exhausted));
        }
        Ok(())
    }
}

/// A connection whose reads fail when its [`Meter`] is exhausted.
#[derive(Debug)]
pub(crate) struct Metered<S> {
    stream: S,
    meter: Arc<Meter>,
}

impl<S> Metered<S> {
    pub(crate) fn new(stream: S, meter: Arc<Meter>) -> Self {
        Self { stream, meter }
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Metered<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        ready!(Pin::new(&mut self.stream).poll_read(context, buffer))?;
        Poll::Ready(self.meter.take(buffer.filled().len() - before))
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Metered<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write_vectored(context, bytes)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::AsyncReadExt;

    use super::*;

    #[tokio::test]
    async fn bytes_are_limited_from_the_first_message_on() {
        let meter = Meter::new();
        let mut stream = Metered::new(tokio::io::repeat(0), Arc::clone(&meter));
        let mut bytes = [0; 1000];
        for _ in 0..10 {
            stream.read_exact(&mut bytes).await.unwrap();
        }
        meter.allow(2000);
        for _ in 0..2 {
            stream.read_exact(&mut bytes).await.unwrap();
        }
        let error = stream.read_exact(&mut bytes).await.unwrap_err();
        assert!(error.get_ref().unwrap().is::<Exhausted>());
        meter.allow(1000);
        stream.read_exact(&mut bytes).await.unwrap();
        assert!(stream.read_exact(&mut bytes).await.is_err());
    }
}
