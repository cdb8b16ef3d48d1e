//! One scripted client.

use std::{
    cell::{Cell, RefCell},
    future::poll_fn,
    pin::Pin,
    task::{Context, Poll, Waker},
    time::Duration,
};

use anyhow::{Context as _, bail};
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    sync::{Notify, Semaphore},
    time::sleep,
};

use crate::{
    connect::{Route, Socket, Stream},
    event::{Event, Id},
    frame::{Decoder, Frame, push_close, push_pong},
    shared::{Shared, count},
    signal::{CANDIDATES, Kind},
};

/// The number of attempts to join, and the time between them.
const ATTEMPTS: u32 = 20;
const RETRY_INTERVAL: Duration = Duration::from_millis(200);

/// The client as the script sees it. Its task owns the connection.
#[derive(Debug, Default)]
pub(crate) struct Client {
    id: Cell<Option<Id>>,
    /// The peers that the client can send signals to.
    peers: RefCell<Vec<Id>>,
    /// The number of signals that it has received.
    received: Cell<u64>,
    outgoing: RefCell<Vec<u8>>,
    waker: RefCell<Option<Waker>>,
    /// Notifies the script when the client joins, receives a signal or ends.
    changed: Notify,
    is_leaving: Cell<bool>,
    has_ended: Cell<bool>,
}

impl Client {
    fn has_joined(&self) -> bool {
        self.id.get().is_some()
    }

    /// Waits until the client has joined and received this number of signals, or its connection has
    /// ended.
    pub(crate) async fn joined(&self, signals: u64) {
        self.until(|| self.has_joined() && self.received.get() >= signals)
            .await;
    }

    /// Waits until the connection has ended.
    pub(crate) async fn ended(&self) {
        self.until(|| false).await;
    }

    async fn until(&self, is_done: impl Fn() -> bool) {
        while !is_done() && !self.has_ended.get() {
            self.changed.notified().await;
        }
    }

    /// Sends a signal to one of its peers. Returns whether it has one.
    pub(crate) fn signal(&self, shared: &Shared, peer: usize, kind: Kind) -> bool {
        let peers = self.peers.borrow();
        let Some(receiver) = peers.get(peer % peers.len().max(1)) else {
            return false;
        };
        let mut outgoing = self.outgoing.borrow_mut();
        shared.signals.push(&mut outgoing, receiver, kind);
        drop(outgoing);
        self.wake();
        true
    }

    /// Leaves with a close frame.
    pub(crate) fn leave(&self) {
        self.is_leaving.set(true);
        push_close(&mut self.outgoing.borrow_mut());
        self.wake();
    }

    fn wake(&self) {
        if let Some(waker) = self.waker.take() {
            waker.wake();
        }
    }

    /// Joins a room, and stays until the connection ends. At most as many clients as the semaphore
    /// has permits join at once.
    pub(crate) async fn run(
        &self,
        shared: &Shared,
        route: &Route,
        number: u32,
        room: &str,
        joining: &Semaphore,
    ) {
        let result = async {
            let permit = joining.acquire().await?;
            let socket = self.join(shared, route, number, room).await?;
            let mut connection = Connection::new(socket.stream);
            connection.read(self, shared, &socket.received)?;
            let mut permit = Some(permit);
            poll_fn(|context| {
                let polled = connection.poll(context, self, shared);
                if self.has_joined() {
                    permit.take();
                }
                polled
            })
            .await
        };
        if let Err(error) = result.await {
            shared.fail(&error);
        }
        self.has_ended.set(true);
        self.changed.notify_one();
        count(&shared.ended);
        shared.event();
    }

    /// Opens a WebSocket. A server that restarts may refuse the first attempts.
    async fn join(
        &self,
        shared: &Shared,
        route: &Route,
        number: u32,
        room: &str,
    ) -> anyhow::Result<Socket> {
        let mut attempt = 1;
        loop {
            match route.open(number, room).await {
                Ok(socket) => return Ok(socket),
                Err(error) if attempt < ATTEMPTS && error.is::<std::io::Error>() => {}
                Err(error) => return Err(error).context("a client cannot join"),
            }
            count(&shared.retries);
            attempt += 1;
            sleep(RETRY_INTERVAL).await;
        }
    }

    fn handle(&self, shared: &Shared, frame: Frame<'_>) {
        let text = match frame {
            Frame::Text(text) => text,
            Frame::Ping(payload) => return push_pong(&mut self.outgoing.borrow_mut(), payload),
            Frame::Pong | Frame::Close(_) => return,
        };
        match Event::parse(text) {
            Event::IdAssigned(id) => {
                self.id.set(Some(id));
                count(&shared.joined);
                self.changed.notify_one();
            }
            Event::NewPeer(peer) => {
                count(&shared.new_peers);
                self.peers.borrow_mut().push(peer);
                if shared.negotiates.get() {
                    self.describe(shared, &peer, Kind::Offer);
                }
            }
            Event::PeerLeft(peer) => self.peers.borrow_mut().retain(|other| *other != peer),
            Event::Signal { sender, data } => {
                let Some((is_offer, age)) = shared.signals.read(data) else {
                    return;
                };
                shared.record_latency(age);
                count(&self.received);
                self.changed.notify_one();
                if is_offer && shared.negotiates.get() {
                    self.peers.borrow_mut().push(sender);
                    self.describe(shared, &sender, Kind::Answer);
                }
            }
            Event::Other => {}
        }
    }

    /// Sends an offer or answer, and all candidates.
    fn describe(&self, shared: &Shared, peer: &Id, description: Kind) {
        let mut outgoing = self.outgoing.borrow_mut();
        shared.signals.push(&mut outgoing, peer, description);
        for n in 0..CANDIDATES {
            shared.signals.push(&mut outgoing, peer, Kind::Candidate(n));
        }
    }
}

/// The connection of a client.
struct Connection {
    stream: Box<dyn Stream>,
    decoder: Decoder,
    is_closed: bool,
    /// The number of bytes of the client's outgoing messages that were written.
    written: usize,
}

impl Connection {
    fn new(stream: Box<dyn Stream>) -> Self {
        Self {
            stream,
            decoder: Decoder::default(),
            is_closed: false,
            written: 0,
        }
    }

    fn read(&mut self, client: &Client, shared: &Shared, bytes: &[u8]) -> anyhow::Result<()> {
        let is_closed = &mut self.is_closed;
        let fed = self.decoder.feed(bytes, |frame| {
            *is_closed |= matches!(frame, Frame::Close(_));
            client.handle(shared, frame);
        });
        shared.event();
        Ok(fed?)
    }

    /// Reads and writes. Completes when the connection ends.
    fn poll(
        &mut self,
        context: &mut Context<'_>,
        client: &Client,
        shared: &Shared,
    ) -> Poll<anyhow::Result<()>> {
        loop {
            let mut buffer = shared.buffer.borrow_mut();
            let mut buffer = ReadBuf::new(&mut buffer);
            let read = Pin::new(&mut self.stream).poll_read(context, &mut buffer);
            let is_lost = match read {
                Poll::Pending => break,
                Poll::Ready(Ok(())) => buffer.filled().is_empty(),
                Poll::Ready(Err(_)) => true,
            };
            if is_lost {
                return Poll::Ready(self.end(client, shared));
            }
            if let Err(error) = self.read(client, shared, buffer.filled()) {
                return Poll::Ready(Err(error));
            }
        }
        if self.write(context, client).is_err() {
            return Poll::Ready(self.end(client, shared));
        }
        client.waker.replace(Some(context.waker().clone()));
        Poll::Pending
    }

    /// Checks whether the connection may end.
    fn end(&self, client: &Client, shared: &Shared) -> anyhow::Result<()> {
        if client.is_leaving.get() || shared.expects_loss.get() {
            return Ok(());
        }
        let how = if self.is_closed { "closed" } else { "broke" };
        bail!("the server {how} the connection of a client that wanted to stay")
    }

    fn write(&mut self, context: &mut Context<'_>, client: &Client) -> std::io::Result<()> {
        let mut outgoing = client.outgoing.borrow_mut();
        if outgoing.is_empty() {
            return Ok(());
        }
        while self.written < outgoing.len() {
            let rest = &outgoing[self.written..];
            match Pin::new(&mut self.stream).poll_write(context, rest) {
                Poll::Pending => return Ok(()),
                Poll::Ready(written) => self.written += written?,
            }
        }
        *outgoing = Vec::new();
        self.written = 0;
        match Pin::new(&mut self.stream).poll_flush(context) {
            Poll::Pending => Ok(()),
            Poll::Ready(flushed) => flushed,
        }
    }
}
