//! The rooms and the message queue of each member, behind one lock.

use std::{
    collections::{HashMap, HashSet},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, SystemTime},
};

use axum::extract::ws::{Message, Utf8Bytes};
use matchbox_protocol::{PeerEvent, PeerId};
use tokio::sync::oneshot;
use tracing::debug;
use uuid::Uuid;

use crate::{
    config::{Config, Turn},
    directory::Directory,
    drain::{Closing, Lifecycle},
    gate::{Admitted, Exchange},
    group_id::GroupIds,
    mailbox::{Ejection, Inbox, Urgency},
    message::{Delivery, Event, Payload},
    metrics::{Metrics, Snapshot},
    outbox::{Budget, Outbox, Overflow},
    owned_rooms::{ConnectionId, OwnedRooms},
    rooms::{JoinError, JoinRequest, Limits, Registry},
    turn,
};

mod lobby;
mod owned;
#[cfg(test)]
mod tests;

#[derive(Debug)]
struct Member {
    outbox: Outbox,
    /// Notifies the client's task that the client is no longer a member.
    ejection: oneshot::Sender<Ejection>,
    connection: ConnectionId,
}

/// The number of receivers above which an event is not urgent.
const CROWD: usize = 32;

#[derive(Debug)]
struct State {
    registry: Registry,
    members: HashMap<PeerId, Member>,
    last_connection: ConnectionId,
    /// The members as clients of their addresses. A lost member counts until its place ends.
    admitted: HashMap<PeerId, Arc<Admitted>>,
    /// The members whose connection was lost, and who may return.
    lost: HashSet<PeerId>,
    metrics: Arc<Metrics>,
    /// The rooms of this instance of a cluster. `None` if the server is the only instance.
    owned: Option<OwnedRooms>,
}

#[derive(Debug)]
pub(crate) struct Hub {
    state: Mutex<State>,
    directory: Mutex<Directory>,
    max_room_members: usize,
    budget: Arc<Budget>,
    turn: Option<Turn>,
    lifecycle: Lifecycle,
    metrics: Arc<Metrics>,
}

/// A client's membership of a room or queue. Dropping it makes the client leave.
#[derive(Debug)]
pub(crate) struct Membership {
    hub: Arc<Hub>,
    pub(crate) id: PeerId,
    connection: ConnectionId,
    pub(crate) outbox: Outbox,
    /// Whether the client has extensions and joined with `?next=N`. The server then requests its
    /// links.
    reports_links: bool,
}

impl Hub {
    pub(crate) fn new(config: &Config, group_ids: GroupIds) -> Arc<Self> {
        let metrics = Arc::new(Metrics::new(config));
        Arc::new(Self {
            state: Mutex::new(State {
                registry: Registry::new(Limits::new(config), group_ids),
                members: HashMap::new(),
                last_connection: 0,
                admitted: HashMap::new(),
                lost: HashSet::new(),
                metrics: Arc::clone(&metrics),
                owned: config.cluster.as_ref().map(|_| OwnedRooms::default()),
            }),
            directory: Mutex::new(Directory::new(config.max_clients)),
            max_room_members: config.max_room_members,
            budget: Budget::new(config),
            turn: config.turn.clone(),
            lifecycle: Lifecycle::new(),
            metrics,
        })
    }

    pub(crate) fn join(
        self: &Arc<Self>,
        mut join_request: JoinRequest,
        admitted: Option<Arc<Admitted>>,
    ) -> Result<(Membership, Inbox), JoinError> {
        let new_id = PeerId(Uuid::new_v4());
        let (outbox, queue) = Outbox::new(&self.budget);
        let (ejection, ejected) = oneshot::channel();
        let mut state = self.lock();
        if !state.is_owner(&join_request) {
            return Err(JoinError::NotOwner);
        }
        if let Some(lost) = state.registry.lost_player(&join_request) {
            let left = state.remove(lost, Ejection::Replaced);
            state.deliver_all(left);
            // The client counts for its address instead of the lost player.
            join_request.access.is_extra = false;
        }
        let has_extensions = join_request.has_extensions;
        let reports_links = has_extensions && join_request.key.next.is_some();
        let (id, mut deliveries) = state.registry.join(new_id, join_request)?;
        state.last_connection += 1;
        let connection = state.last_connection;
        let member = Member {
            outbox: outbox.clone(),
            ejection,
            connection,
        };
        if let Some(replaced) = state.members.insert(id, member) {
            // The send fails if the task has ended.
            let _ = replaced.ejection.send(Ejection::Replaced);
        }
        if let Some(admitted) = admitted {
            state.admitted.insert(id, admitted);
        }
        if has_extensions && let Some(servers) = self.ice_servers(id) {
            let is_greeting = |delivery: &&Delivery<'_>| delivery.event.is_greeting();
            let greetings = deliveries.iter().take_while(is_greeting).count();
            deliveries.insert(greetings, Delivery::new(servers, vec![id]));
        }
        state.deliver_all(deliveries);
        let membership = Membership {
            hub: Arc::clone(self),
            id,
            connection,
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
        state.forget_lost_members();
        for peer in stopped {
            debug!(%peer, "ejected: did not answer while it waited for a group");
            let left = state.remove(peer, Ejection::Stopped);
            state.deliver_all(left);
        }
        state.eject_moved(step);
    }

    /// Returns whether the client takes its place again, with the address that it had.
    pub(crate) fn is_returning(&self, join_request: &JoinRequest, exchange: &Exchange) -> bool {
        let state = self.lock();
        let peer = state.registry.place(join_request);
        let admitted = peer.and_then(|peer| state.admitted.get(&peer));
        admitted.is_some_and(|admitted| admitted.is_from(exchange))
    }

    /// Ends the places of all lost members.
    pub(crate) fn end_places(&self) {
        let mut state = self.lock();
        let deliveries = state.registry.end_places(Duration::MAX);
        state.deliver_all(deliveries);
        state.forget_lost_members();
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

    /// Returns the message with new TURN credentials for a client with extensions.
    fn ice_servers(&self, peer: PeerId) -> Option<Event<'static>> {
        let turn = self.turn.as_ref()?;
        turn::ice_servers(turn, peer, SystemTime::now())
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
        Snapshot {
            clients: state.registry.peers(),
            rooms: state.registry.rooms(),
            queued_bytes: self.budget.queued(),
            draining: !self.lifecycle.is_serving(),
            owned_rooms: state.owned.as_ref().map_or(0, OwnedRooms::len),
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Returns the message of an event.
fn encode(event: &Event<'_>) -> Option<Message> {
    let json = serde_json::to_string(event).ok()?;
    Some(Message::Text(Utf8Bytes::from(json)))
}

impl State {
    /// Queues the events. Ejects a client whose queue is full, and announces that to the other
    /// members.
    fn deliver_all<'a>(&mut self, deliveries: impl IntoIterator<Item = Delivery<'a>>) {
        let mut overflowed = Vec::new();
        for delivery in deliveries {
            overflowed.extend(self.push(&delivery));
        }
        self.eject(overflowed);
        self.adopt_formed();
    }

    /// Ejects clients that do not read their messages.
    fn eject(&mut self, mut overflowed: Vec<PeerId>) {
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
        let Some(message) = encode(&delivery.event) else {
            return Vec::new();
        };
        // A crowd cannot form a mesh. Each newcomer would cost a system call for each member.
        let is_crowd = delivery.to.len() > CROWD;
        let urgency = if is_crowd {
            Urgency::Soon
        } else {
            Urgency::Now
        };
        let overflows = |peer: &&PeerId| self.overflows(**peer, message.clone(), urgency);
        delivery.to.iter().filter(overflows).copied().collect()
    }

    /// Queues a message. Returns whether the member's queue is full.
    fn overflows(&self, peer: PeerId, message: Message, urgency: Urgency) -> bool {
        let member = self.members.get(&peer);
        member.is_some_and(|member| member.outbox.push_with(message, urgency).is_err())
    }

    /// Returns whether the peer's current connection has this number.
    fn is_current(&self, peer: PeerId, connection: ConnectionId) -> bool {
        let member = self.members.get(&peer);
        member.is_some_and(|member| member.connection == connection)
    }

    /// Frees the resources of members whose places have ended.
    fn forget_lost_members(&mut self) {
        let (registry, members) = (&self.registry, &self.members);
        self.lost.retain(|peer| {
            let has_place = registry.contains(*peer);
            if !has_place {
                self.admitted.remove(peer);
            }
            has_place && !members.contains_key(peer)
        });
    }

    fn remove(&mut self, peer: PeerId, why: Ejection) -> Vec<Delivery<'static>> {
        self.admitted.remove(&peer);
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
        let (sender, bytes) = (self.id, data.0.get().len());
        // Encodes before it locks, so that long signals do not delay other clients.
        let Some(message) = encode(&PeerEvent::Signal { sender, data }.into()) else {
            return;
        };
        let mut state = self.hub.lock();
        if !state.registry.record_signal(sender, receiver) {
            debug!(peer = %sender, %receiver, "dropped a signal: receiver not in the room");
        } else {
            state.metrics.relayed(bytes);
            if state.overflows(receiver, message, Urgency::Now) {
                state.eject(vec![receiver]);
            }
        }
    }

    /// Ends the membership after the connection was lost. The client may keep its place for a
    /// while, unless the server shuts down.
    pub(crate) fn lose(self) {
        let mut state = self.hub.lock();
        let is_serving = self.hub.lifecycle.is_serving();
        if is_serving && state.is_current(self.id, self.connection) {
            state.members.remove(&self.id);
            let lost = state.registry.lose(self.id);
            if state.registry.contains(self.id) {
                state.lost.insert(self.id);
            } else {
                state.admitted.remove(&self.id);
            }
            state.deliver_all(lost);
        }
    }

    /// Sends the client new TURN credentials.
    pub(crate) fn renew_ice_servers(&self) -> Result<(), Overflow> {
        let servers = self.hub.ice_servers(self.id);
        let json = servers.and_then(|servers| serde_json::to_string(&servers).ok());
        match json {
            Some(json) => self.outbox.push(Message::Text(json.into())),
            None => Ok(()),
        }
    }

    /// Records that the client has received its session.
    pub(crate) fn confirm_session(&self) {
        let mut state = self.hub.lock();
        if state.is_current(self.id, self.connection) {
            state.registry.confirm_session(self.id);
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
        if state.is_current(self.id, self.connection) {
            // The client's task has ended, so the reason does not matter.
            let left = state.remove(self.id, Ejection::TooSlow);
            state.deliver_all(left);
        }
    }
}
