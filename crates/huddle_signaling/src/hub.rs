//! The rooms and the way to each member's socket, behind one lock.

use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use axum::extract::ws::{Message, Utf8Bytes};
use matchbox_protocol::PeerId;
use tokio::sync::{mpsc, oneshot, watch};
use tracing::debug;
use uuid::Uuid;

use crate::{
    config::Config,
    message::{Delivery, Payload},
    player::Timing,
    rooms::{Arrival, Full, Limits, Registry},
};

/// What a queued message costs besides its bytes.
const MESSAGE_OVERHEAD: usize = 64;

/// The sending side of a client's queue, bounded in bytes: offers and candidates differ in size
/// by a factor of twenty, so a count would bound nothing.
#[derive(Debug, Clone)]
pub(crate) struct Outbox {
    messages: mpsc::UnboundedSender<Message>,
    waiting: Arc<AtomicUsize>,
    limit: usize,
}

/// The client reads too slowly: its queue is full.
#[derive(Debug)]
pub(crate) struct Overflow;

impl Outbox {
    fn new(limit: usize) -> (Self, mpsc::UnboundedReceiver<Message>) {
        let (messages, queue) = mpsc::unbounded_channel();
        let outbox = Self {
            messages,
            waiting: Arc::default(),
            limit,
        };
        (outbox, queue)
    }

    pub(crate) fn push(&self, message: Message) -> Result<(), Overflow> {
        let cost = cost(&message);
        if self.waiting.fetch_add(cost, Ordering::Relaxed) + cost > self.limit {
            return Err(Overflow);
        }
        self.messages.send(message).map_err(|_| Overflow)
    }

    /// Tells that a message from the queue has been written.
    pub(crate) fn written(&self, cost: usize) {
        self.waiting.fetch_sub(cost, Ordering::Relaxed);
    }
}

/// The share of a message in its queue's limit.
pub(crate) fn cost(message: &Message) -> usize {
    MESSAGE_OVERHEAD + size(message)
}

/// The payload's bytes.
pub(crate) fn size(message: &Message) -> usize {
    match message {
        Message::Text(text) => text.len(),
        Message::Binary(data) | Message::Ping(data) | Message::Pong(data) => data.len(),
        Message::Close(_) => 0,
    }
}

#[derive(Debug)]
struct Member {
    outbox: Outbox,
    /// Tells the client's task that it is no longer a member.
    seated: oneshot::Sender<Ejection>,
}

/// Why a client is no longer a member.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Ejection {
    /// It does not read what it is sent.
    TooSlow,
    /// It waited in a `?next=N` queue and did not answer.
    Stopped,
}

#[derive(Debug)]
struct State {
    registry: Registry,
    members: HashMap<PeerId, Member>,
}

#[derive(Debug)]
pub(crate) struct Hub {
    state: Mutex<State>,
    max_room_members: usize,
    max_queue_bytes: usize,
    closing: watch::Sender<bool>,
}

/// A client's place in a room. Dropping it leaves the room.
#[derive(Debug)]
pub(crate) struct Seat {
    hub: Arc<Hub>,
    pub(crate) id: PeerId,
    pub(crate) outbox: Outbox,
    /// It waits for a group, and is asked whether its game still runs.
    is_asked: bool,
}

/// What a client's task takes from its seat: what to send, and word of being ejected.
#[derive(Debug)]
pub(crate) struct Inbox {
    pub(crate) queue: mpsc::UnboundedReceiver<Message>,
    pub(crate) ejected: oneshot::Receiver<Ejection>,
}

/// Tells a task that the server closes, which waits, for a while, until all of these are dropped.
#[derive(Debug)]
pub(crate) struct Closing(watch::Receiver<bool>);

impl Closing {
    pub(crate) async fn wait(&mut self) {
        // The hub being gone is closing too.
        let _ = self.0.wait_for(|&closing| closing).await;
    }
}

fn limits(config: &Config) -> Limits {
    Limits {
        max_peers: config.max_clients,
        max_members: config.max_room_members,
        timing: Timing {
            ask_every: config.queue_ping_interval,
            silence: config.queue_silence_timeout,
            link: config.link_timeout,
        },
    }
}

impl Hub {
    pub(crate) fn new(config: &Config) -> Arc<Self> {
        Arc::new(Self {
            state: Mutex::new(State {
                registry: Registry::new(limits(config)),
                members: HashMap::new(),
            }),
            max_room_members: config.max_room_members,
            max_queue_bytes: config.max_queue_bytes,
            closing: watch::Sender::new(false),
        })
    }

    pub(crate) fn join(self: &Arc<Self>, arrival: Arrival) -> Result<(Seat, Inbox), Full> {
        let id = PeerId(Uuid::new_v4());
        let (outbox, queue) = Outbox::new(self.max_queue_bytes);
        let (seated, ejected) = oneshot::channel();
        let mut state = self.lock();
        let is_asked = arrival.extends && arrival.key.next.is_some();
        let deliveries = state.registry.join(id, arrival)?;
        let member = Member {
            outbox: outbox.clone(),
            seated,
        };
        state.members.insert(id, member);
        state.deliver_all(deliveries);
        let seat = Seat {
            hub: Arc::clone(self),
            id,
            outbox,
            is_asked,
        };
        Ok((seat, Inbox { queue, ejected }))
    }

    /// Lets time pass for those who wait for a group.
    pub(crate) fn tick(&self, step: Duration) {
        let mut state = self.lock();
        let (deliveries, stopped) = state.registry.tick(step);
        state.deliver_all(deliveries);
        for peer in stopped {
            debug!(%peer, "did not answer while it waited for a group: ejected");
            let left = state.remove(peer, Ejection::Stopped);
            state.deliver_all(left);
        }
    }

    /// Rooms and clients at this moment.
    pub(crate) fn count(&self) -> (usize, usize) {
        let state = self.lock();
        (state.registry.rooms(), state.registry.peers())
    }

    /// Largest room, for words to clients.
    pub(crate) fn max_room_members(&self) -> usize {
        self.max_room_members
    }

    pub(crate) fn closing(&self) -> Closing {
        Closing(self.closing.subscribe())
    }

    /// Tells all tasks to close their connections and waits until they did.
    pub(crate) async fn close(&self) {
        self.closing.send_replace(true);
        self.closing.closed().await;
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    /// Queues the events. A client that cannot take one is ejected, of which the others hear in
    /// turn.
    fn deliver_all<'a>(&mut self, deliveries: impl IntoIterator<Item = Delivery<'a>>) {
        let mut overflowed = Vec::new();
        for delivery in deliveries {
            overflowed.extend(self.push(&delivery));
        }
        while let Some(peer) = overflowed.pop() {
            debug!(%peer, "does not read: ejected");
            for delivery in self.remove(peer, Ejection::TooSlow) {
                overflowed.extend(self.push(&delivery));
            }
        }
    }

    fn push(&self, delivery: &Delivery<'_>) -> Vec<PeerId> {
        if delivery.to.is_empty() {
            return Vec::new();
        }
        let Ok(json) = serde_json::to_string(&delivery.event) else {
            return Vec::new();
        };
        let message = Message::Text(Utf8Bytes::from(json));
        let overflows = |peer: &&PeerId| {
            let member = self.members.get(peer);
            member.is_some_and(|member| member.outbox.push(message.clone()).is_err())
        };
        delivery.to.iter().filter(overflows).copied().collect()
    }

    fn remove(&mut self, peer: PeerId, why: Ejection) -> Vec<Delivery<'static>> {
        if let Some(member) = self.members.remove(&peer) {
            // The task may have ended.
            let _ = member.seated.send(why);
        }
        self.registry.leave(peer)
    }
}

impl Seat {
    /// Sends `data` to another member of the room; dropped if there is none with this id.
    pub(crate) fn signal(&self, receiver: PeerId, data: Payload<'_>) {
        let mut state = self.hub.lock();
        match state.registry.route(self.id, receiver, data) {
            Some(delivery) => state.deliver_all([delivery]),
            None => debug!(peer = %self.id, %receiver, "signal to nobody in the room: dropped"),
        }
    }

    /// The client said something.
    pub(crate) fn heard(&self) {
        if self.is_asked {
            self.hub.lock().registry.heard(self.id);
        }
    }

    /// The client reports to whom it has a working link.
    pub(crate) fn linked(&self, with: &[PeerId]) {
        if self.is_asked {
            let mut state = self.hub.lock();
            let deliveries = state.registry.linked(self.id, with);
            state.deliver_all(deliveries);
        }
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        let mut state = self.hub.lock();
        // The close code has no reader any more.
        let left = state.remove(self.id, Ejection::TooSlow);
        state.deliver_all(left);
    }
}
