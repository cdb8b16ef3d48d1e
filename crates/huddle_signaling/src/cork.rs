//! Collects what is written to a connection, so that several messages need only one system call.

use std::{
    io::{self, IoSlice},
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    task::{Context, Poll, ready},
};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// The number of bytes that are collected. More are written immediately.
pub(crate) const MAX_COLLECTED: usize = 16 * 1024;

/// Whether a connection collects what is written to it. Flushing has no effect meanwhile.
#[derive(Debug, Default)]
pub(crate) struct Cork(AtomicBool);

impl Cork {
    /// Starts to collect.
    pub(crate) fn insert(&self) {
        self.0.store(true, Ordering::Relaxed);
    }

    /// Stops to collect. The next flush or write also writes everything that was collected.
    pub(crate) fn remove(&self) {
        self.0.store(false, Ordering::Relaxed);
    }

    fn is_in(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

/// A connection with a [`Cork`].
#[derive(Debug)]
pub(crate) struct Corked<S> {
    stream: S,
    cork: Arc<Cork>,
    /// What was collected. Has no capacity while it is empty, because most clients are idle.
    collected: Vec<u8>,
}

impl<S> Corked<S> {
    pub(crate) fn new(stream: S, cork: Arc<Cork>) -> Self {
        Self {
            stream,
            cork,
            collected: Vec::new(),
        }
    }

    /// Returns whether these bytes are collected instead of written.
    fn collects(&self, bytes: usize) -> bool {
        self.cork.is_in() && self.collected.len().saturating_add(bytes) <= MAX_COLLECTED
    }
}

impl<S: AsyncWrite + Unpin> Corked<S> {
    fn poll_write_collected(&mut self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        while !self.collected.is_empty() {
            let stream = Pin::new(&mut self.stream);
            let written = ready!(stream.poll_write(context, &self.collected))?;
            if written == 0 {
                return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
            }
            self.collected.drain(..written);
        }
        self.collected = Vec::new();
        Poll::Ready(Ok(()))
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Corked<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(context, buffer)
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Corked<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        if self.collects(bytes.len()) {
            self.collected.extend_from_slice(bytes);
            return Poll::Ready(Ok(bytes.len()));
        }
        ready!(self.poll_write_collected(context))?;
        Pin::new(&mut self.stream).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        if self.cork.is_in() {
            return Poll::Ready(Ok(()));
        }
        ready!(self.poll_write_collected(context))?;
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(self.poll_write_collected(context))?;
        Pin::new(&mut self.stream).poll_shutdown(context)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let length = slices.iter().map(|slice| slice.len()).sum();
        if self.collects(length) {
            for slice in slices {
                self.collected.extend_from_slice(slice);
            }
            return Poll::Ready(Ok(length));
        }
        ready!(self.poll_write_collected(context))?;
        Pin::new(&mut self.stream).poll_write_vectored(context, slices)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream, duplex};

    use super::*;

    fn pair() -> (Arc<Cork>, Corked<DuplexStream>, DuplexStream) {
        let (near, far) = duplex(MAX_COLLECTED * 4);
        let cork = Arc::new(Cork::default());
        (Arc::clone(&cork), Corked::new(near, cork), far)
    }

    /// Returns what has arrived.
    async fn arrived(far: &mut DuplexStream) -> Vec<u8> {
        let mut bytes = vec![0; MAX_COLLECTED * 4];
        tokio::select! {
            biased;
            read = far.read(&mut bytes) => bytes.truncate(read.unwrap()),
            () = std::future::ready(()) => bytes.clear(),
        }
        bytes
    }

    #[tokio::test]
    async fn nothing_is_collected_without_a_cork() {
        let (_cork, mut stream, mut far) = pair();
        stream.write_all(b"a").await.unwrap();
        assert_eq!(arrived(&mut far).await, b"a");
    }

    #[tokio::test]
    async fn messages_are_written_together_when_the_cork_is_removed() {
        let (cork, mut stream, mut far) = pair();
        cork.insert();
        stream.write_all(b"a").await.unwrap();
        stream.flush().await.unwrap();
        let slices = [IoSlice::new(b"b"), IoSlice::new(b"c")];
        assert_eq!(stream.write_vectored(&slices).await.unwrap(), 2);
        assert_eq!(arrived(&mut far).await, b"");
        cork.remove();
        stream.flush().await.unwrap();
        assert_eq!(arrived(&mut far).await, b"abc");
        assert_eq!(stream.collected.capacity(), 0);
    }

    #[tokio::test]
    async fn order_is_kept_when_the_cork_is_removed_before_a_write() {
        let (cork, mut stream, mut far) = pair();
        cork.insert();
        stream.write_all(b"a").await.unwrap();
        cork.remove();
        stream.write_all(b"b").await.unwrap();
        assert_eq!(arrived(&mut far).await, b"ab");
    }

    #[tokio::test]
    async fn collected_bytes_are_bounded() {
        let (cork, mut stream, mut far) = pair();
        cork.insert();
        for _ in 0..3 * MAX_COLLECTED / 1000 {
            stream.write_all(&[0; 1000]).await.unwrap();
            assert!(stream.collected.len() <= MAX_COLLECTED);
        }
        assert!(arrived(&mut far).await.len() > MAX_COLLECTED);
    }

    #[tokio::test]
    async fn shutdown_writes_what_was_collected() {
        let (cork, mut stream, mut far) = pair();
        cork.insert();
        stream.write_all(b"a").await.unwrap();
        stream.shutdown().await.unwrap();
        assert_eq!(arrived(&mut far).await, b"a");
    }
}
