//! The rooms and the message queue of each member, behind one lock.

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
use tokio::sync::{mpsc, oneshot};
use tracing::debug;
use uuid::Uuid;

use crate::{
    config::Config,
    drain::{Closing, Lifecycle},
    message::{Delivery, Payload},
    metrics::{Metrics, Snapshot},
    player::Timing,
    rooms::{JoinError, JoinRequest, Limits, Registry},
};

/// The bytes that count for a queued message in addition to its payload.
const MESSAGE_OVERHEAD: usize = 64;

/// The sending side of a client's queue. The limit is in bytes, because an offer is about twenty
/// times as long as a candidate.
#[derive(Debug, Clone)]
pub(crate) struct Outbox {
    messages: mpsc::UnboundedSender<Message>,
    queued_bytes: Arc<AtomicUsize>,
    limit: usize,
}

/// The client's queue is full, because it reads too slowly.
#[derive(Debug)]
pub(crate) struct Overflow;

impl Outbox {
    fn new(limit: usize) -> (Self, mpsc::UnboundedReceiver<Message>) {
        let (messages, queue) = mpsc::unbounded_channel();
        let outbox = Self {
            messages,
            queued_bytes: Arc::default(),
            limit,
        };
        (outbox, queue)
    }

    pub(crate) fn push(&self, message: Message) -> Result<(), Overflow> {
        let cost = cost(&message);
        if self.queued_bytes.fetch_add(cost, Ordering::Relaxed) + cost > self.limit {
            return Err(Overflow);
        }
        self.messages.send(message).map_err(|_| Overflow)
    }

    /// Frees the bytes of a message that was written to the socket.
    pub(crate) fn written(&self, cost: usize) {
        self.queued_bytes.fetch_sub(cost, Ordering::Relaxed);
    }
}

/// Returns the bytes that count for a message in its queue.
pub(crate) fn cost(message: &Message) -> usize {
    MESSAGE_OVERHEAD + size(message)
}

/// Returns the length of the payload in bytes.
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
    /// Notifies the client's task that the client is no longer a member.
    ejection: oneshot::Sender<Ejection>,
}

/// The reason why the server removed a member.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Ejection {
    /// The client does not read its messages.
    TooSlow,
    /// The client waited in a `?next=N` queue and did not answer.
    Stopped,
}

#[derive(Debug)]
struct State {
    registry: Registry,
    members: HashMap<PeerId, Member>,
    metrics: Arc<Metrics>,
}

#[derive(Debug)]
pub(crate) struct Hub {
    state: Mutex<State>,
    max_room_members: usize,
    max_queue_bytes: usize,
    lifecycle: Lifecycle,
    metrics: Arc<Metrics>,
}

/// A client's membership of a room or queue. Dropping it makes the client leave.
#[derive(Debug)]
pub(crate) struct Membership {
    hub: Arc<Hub>,
    pub(crate) id: PeerId,
    pub(crate) outbox: Outbox,
    /// Whether the client has extensions and joined with `?next=N`. The server then requests its
    /// links.
    reports_links: bool,
}

/// The messages for a client, and the notification that the server removed it.
#[derive(Debug)]
pub(crate) struct Inbox {
    pub(crate) queue: mpsc::UnboundedReceiver<Message>,
    pub(crate) ejected: oneshot::Receiver<Ejection>,
}

fn limits(config: &Config) -> Limits {
    Limits {
        max_peers: config.max_clients,
        max_members: config.max_room_members,
        timing: Timing {
            request_interval: config.queue_ping_interval,
            silence_timeout: config.queue_silence_timeout,
            link_timeout: config.link_timeout,
        },
    }
}

impl Hub {
    pub(crate) fn new(config: &Config) -> Arc<Self> {
        let metrics = Arc::new(Metrics::new(config));
        Arc::new(Self {
            state: Mutex::new(State {
                registry: Registry::new(limits(config)),
                members: HashMap::new(),
                metrics: Arc::clone(&metrics),
            }),
            max_room_members: config.max_room_members,
            max_queue_bytes: config.max_queue_bytes,
            lifecycle: Lifecycle::new(),
            metrics,
        })
    }

    pub(crate) fn join(
        self: &Arc<Self>,
        join_request: JoinRequest,
    ) -> Result<(Membership, Inbox), JoinError> {
        let id = PeerId(Uuid::new_v4());
        let (outbox, queue) = Outbox::new(self.max_queue_bytes);
        let (ejection, ejected) = oneshot::channel();
        let mut state = self.lock();
        let reports_links = join_request.has_extensions && join_request.key.next.is_some();
        let deliveries = state.registry.join(id, join_request)?;
        let member = Member {
            outbox: outbox.clone(),
            ejection,
        };
        state.members.insert(id, member);
        state.deliver_all(deliveries);
        let membership = Membership {
            hub: Arc::clone(self),
            id,
            outbox,
            reports_links,
        };
        Ok((membership, Inbox { queue, ejected }))
    }

    /// Advances the clock of the queues.
    pub(crate) fn tick(&self, step: Duration) {
        let mut state = self.lock();
        let (deliveries, stopped) = state.registry.tick(step);
        state.deliver_all(deliveries);
        for peer in stopped {
            debug!(%peer, "ejected: did not answer while it waited for a group");
            let left = state.remove(peer, Ejection::Stopped);
            state.deliver_all(left);
        }
    }

    /// Returns the current number of rooms and of clients.
    pub(crate) fn count(&self) -> (usize, usize) {
        let state = self.lock();
        (state.registry.rooms(), state.registry.peers())
    }

    /// Returns the maximum number of members of a room.
    pub(crate) fn max_room_members(&self) -> usize {
        self.max_room_members
    }

    pub(crate) fn closing(&self) -> Closing {
        self.lifecycle.subscribe()
    }

    /// Returns the phase of the server.
    pub(crate) fn lifecycle(&self) -> &Lifecycle {
        &self.lifecycle
    }

    pub(crate) fn metrics(&self) -> &Arc<Metrics> {
        &self.metrics
    }

    /// Returns the state for the metrics.
    pub(crate) fn snapshot(&self) -> Snapshot {
        let state = self.lock();
        let queued = |member: &Member| member.outbox.queued_bytes.load(Ordering::Relaxed);
        Snapshot {
            clients: state.registry.peers(),
            rooms: state.registry.rooms(),
            queued_bytes: state.members.values().map(queued).sum(),
            draining: !self.lifecycle.is_serving(),
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    /// Queues the events. Ejects a client whose queue is full, and announces that to the other
    /// members.
    fn deliver_all<'a>(&mut self, deliveries: impl IntoIterator<Item = Delivery<'a>>) {
        let mut overflowed = Vec::new();
        for delivery in deliveries {
            overflowed.extend(self.push(&delivery));
        }
        while let Some(peer) = overflowed.pop() {
            debug!(%peer, "ejected: does not read its messages");
            self.metrics.ejected();
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
            // The send fails if the task has ended.
            let _ = member.ejection.send(why);
        }
        self.registry.leave(peer)
    }
}

impl Membership {
    pub(crate) fn metrics(&self) -> &Metrics {
        self.hub.metrics()
    }

    /// Sends `data` to another member of the room. Drops it if the room has no member with this id.
    pub(crate) fn signal(&self, receiver: PeerId, data: Payload<'_>) {
        let bytes = data.0.get().len();
        let mut state = self.hub.lock();
        match state.registry.route(self.id, receiver, data) {
            Some(delivery) => {
                state.metrics.relayed(bytes);
                state.deliver_all([delivery]);
            }
            None => {
                debug!(peer = %self.id, %receiver, "dropped a signal: receiver not in the room")
            }
        }
    }

    /// Records that the client sent a text message, which shows that its game runs.
    pub(crate) fn message_received(&self) {
        if self.reports_links {
            self.hub.lock().registry.message_received(self.id);
        }
    }

    /// Sets the peers that the client has a working link to.
    pub(crate) fn set_links(&self, links: &[PeerId]) {
        if self.reports_links {
            let mut state = self.hub.lock();
            let deliveries = state.registry.set_links(self.id, links);
            state.deliver_all(deliveries);
        }
    }
}

impl Drop for Membership {
    fn drop(&mut self) {
        let mut state = self.hub.lock();
        // The client's task has ended, so the reason does not matter.
        let left = state.remove(self.id, Ejection::TooSlow);
        state.deliver_all(left);
    }
}
