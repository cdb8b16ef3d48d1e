//! The members of all rooms and queues, as a state machine without sockets or locks.

use std::{collections::HashMap, num::NonZeroUsize, time::Duration};

use matchbox_protocol::{PeerEvent, PeerId};
use uuid::Uuid;

use crate::{
    access::{Access, TokensInUse},
    message::{Delivery, Event, Extension, ResumeSecret, Stage},
    places::Places,
    player::{Ticket, Timing},
    queue::{FinishedGroup, Queue},
};

mod resume;
#[cfg(test)]
mod tests;

/// The room that a client requests. With `?next=N`, it also contains the size of the groups. The
/// same name in a different game, or with a different size, is a different room.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct RoomKey {
    /// The game whose room it is. Empty if neither the client nor its token names one.
    pub(crate) app: String,
    pub(crate) name: String,
    pub(crate) next: Option<NonZeroUsize>,
}

impl RoomKey {
    /// Returns the room of a linked group.
    fn of_group(app: String, group: Uuid) -> Self {
        Self {
            app,
            name: group.simple().to_string(),
            next: None,
        }
    }
}

/// The request of a client that wants to join.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct JoinRequest {
    pub(crate) key: RoomKey,
    /// Whether the client has extensions.
    pub(crate) has_extensions: bool,
    /// The group of the client when it lost its connection. If that group is linked, the client
    /// returns to it.
    pub(crate) group: Option<Uuid>,
    /// The secret of the client's place when it lost its connection.
    pub(crate) resume: Option<ResumeSecret>,
    /// What the client's token allows.
    pub(crate) access: Access,
}

/// The reason why a peer cannot join.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum JoinError {
    RoomFull,
    ServerFull,
    /// Another client uses the same token, and only one client at a time may.
    TokenInUse,
    /// The token has expired, and the client has no place to return to.
    TokenExpired,
}

/// The limits of a server.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Limits {
    pub(crate) max_peers: usize,
    pub(crate) max_members: usize,
    pub(crate) timing: Timing,
    /// The time for which clients with extensions keep their places. Zero if they keep none.
    pub(crate) resume_timeout: Duration,
}

/// The maximum number of members in the list for a newcomer. A mesh of more peers does not work,
/// and the message must stay short in a room of any size.
const MAX_LISTED: usize = 32;

/// Returns the message that lists the other members of a room for a newcomer, or `None` if there
/// are none.
fn member_list(others: &[PeerId], newcomer: PeerId) -> Option<Delivery<'static>> {
    let listed: Vec<_> = others.iter().take(MAX_LISTED).copied().collect();
    let event = Event::Extension(Extension::Members(listed));
    (!others.is_empty()).then(|| Delivery::new(event, vec![newcomer]))
}

/// A room with at least one member.
#[derive(Debug)]
struct Room {
    members: Vec<PeerId>,
    /// The key with which clients join. `None` if no client can join.
    name: Option<RoomKey>,
}

/// The id of a room. The server never reuses one.
type RoomId = u64;

/// The id of a queue. The server never reuses one.
type QueueId = u64;

/// The room or queue of a peer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Location {
    Room(RoomId),
    Queue(QueueId, Ticket),
}

/// All rooms and queues. The cost of every operation except [`Registry::tick`] is proportional to
/// the members of one room.
#[derive(Debug)]
pub(crate) struct Registry {
    limits: Limits,
    rooms: HashMap<RoomId, Room>,
    names: HashMap<RoomKey, RoomId>,
    queues: HashMap<QueueId, (RoomKey, Queue)>,
    queue_of: HashMap<RoomKey, QueueId>,
    peers: HashMap<PeerId, Location>,
    places: Places,
    tokens: TokensInUse,
    last_id: u64,
    now: Duration,
}

impl Registry {
    /// Creates an empty registry. `max_members` must be at least 1.
    pub(crate) fn new(limits: Limits) -> Self {
        Self {
            limits,
            rooms: HashMap::new(),
            names: HashMap::new(),
            queues: HashMap::new(),
            queue_of: HashMap::new(),
            peers: HashMap::new(),
            places: Places::new(limits.resume_timeout),
            tokens: TokensInUse::default(),
            last_id: 0,
            now: Duration::ZERO,
        }
    }

    /// Adds a client to the requested room: as `new_id`, or with its previous id if it takes its
    /// place again. Returns its id. The caller must send the first delivery before any other
    /// message to this client.
    pub(crate) fn join(
        &mut self,
        new_id: PeerId,
        join_request: JoinRequest,
    ) -> Result<(PeerId, Vec<Delivery<'static>>), JoinError> {
        if join_request.has_extensions
            && let Some(resumed) = self.resume(&join_request)
        {
            return resumed;
        }
        let access = &join_request.access;
        if access.has_expired {
            return Err(JoinError::TokenExpired);
        }
        if self.tokens.is_taken(access.token.as_ref(), new_id) {
            return Err(JoinError::TokenInUse);
        }
        if self.peers.len() >= self.limits.max_peers {
            return Err(JoinError::ServerFull);
        }
        let token = access.token.clone();
        let deliveries = self.enter(new_id, join_request)?;
        self.tokens.set(new_id, token);
        Ok((new_id, deliveries))
    }

    /// Adds `peer`, a new id, to the requested room or queue.
    fn enter(
        &mut self,
        peer: PeerId,
        join_request: JoinRequest,
    ) -> Result<Vec<Delivery<'static>>, JoinError> {
        let JoinRequest {
            key,
            has_extensions,
            group,
            access,
            ..
        } = join_request;
        let mut deliveries = vec![Delivery::new(PeerEvent::IdAssigned(peer), vec![peer])];
        // Only members of the full group have received its id, so no other client can use it.
        let group = group.filter(|id| {
            let name = RoomKey::of_group(key.app.clone(), *id);
            has_extensions && key.next.is_some() && self.names.contains_key(&name)
        });
        let room = match (group, key.next) {
            (Some(group), _) => RoomKey::of_group(key.app, group),
            (None, None) => key,
            (None, Some(size)) => {
                deliveries.extend(self.session(peer, has_extensions));
                deliveries.extend(self.enter_queue(peer, key, size, has_extensions));
                return Ok(deliveries);
            }
        };
        let limit = access.limit(self.limits.max_members);
        let announced = self.enter_room(peer, room, limit)?;
        deliveries.extend(self.session(peer, has_extensions));
        if has_extensions {
            deliveries.extend(member_list(&announced.to, peer));
            deliveries.extend(self.doubtful(&announced.to, peer));
        }
        deliveries.push(announced);
        let stage = group.map(|group| Event::Extension(Extension::Group(Stage::Linked(group))));
        deliveries.extend(stage.map(|stage| Delivery::new(stage, vec![peer])));
        Ok(deliveries)
    }

    /// Adds `peer` to the queue for groups of `size`.
    fn enter_queue(
        &mut self,
        peer: PeerId,
        key: RoomKey,
        size: NonZeroUsize,
        has_extensions: bool,
    ) -> Vec<Delivery<'static>> {
        let id = match self.queue_of.get(&key) {
            Some(id) => *id,
            None => {
                let id = self.next_id();
                self.queue_of.insert(key.clone(), id);
                let queue = Queue::new(size.get(), self.limits.timing);
                self.queues.insert(id, (key, queue));
                id
            }
        };
        let ticket = self.next_id();
        self.peers.insert(peer, Location::Queue(id, ticket));
        if let Some((_, queue)) = self.queues.get_mut(&id) {
            queue.join(ticket, peer, has_extensions, self.now);
        }
        self.take_results(id)
    }

    /// Removes `peer` from its room or queue.
    pub(crate) fn leave(&mut self, peer: PeerId) -> Vec<Delivery<'static>> {
        self.places.remove(peer);
        self.tokens.remove(peer);
        match self.peers.remove(&peer) {
            None => Vec::new(),
            Some(Location::Queue(id, ticket)) => {
                if let Some((_, queue)) = self.queues.get_mut(&id) {
                    queue.leave(ticket, self.now);
                }
                self.take_results(id)
            }
            Some(Location::Room(id)) => {
                let Some(room) = self.rooms.get_mut(&id) else {
                    return Vec::new();
                };
                room.members.retain(|&member| member != peer);
                let to = room.members.clone();
                if to.is_empty()
                    && let Some(name) = self.rooms.remove(&id).and_then(|room| room.name)
                {
                    self.names.remove(&name);
                }
                vec![Delivery::new(PeerEvent::PeerLeft(peer), to)]
            }
        }
    }

    /// Records a signal from one peer to another. Returns whether the server may deliver it, which
    /// is the case if both share a room or group.
    pub(crate) fn record_signal(&mut self, sender: PeerId, receiver: PeerId) -> bool {
        let (Some(from), Some(to)) = (self.peers.get(&sender), self.peers.get(&receiver)) else {
            return false;
        };
        match (from, to) {
            (Location::Room(a), Location::Room(b)) => a == b,
            (Location::Queue(a, sender), Location::Queue(b, receiver)) if a == b => {
                let queue = self.queues.get_mut(a);
                queue.is_some_and(|(_, queue)| queue.signal(*sender, *receiver))
            }
            _ => false,
        }
    }

    /// Records a message from `peer`, which shows that its game runs.
    pub(crate) fn message_received(&mut self, peer: PeerId) {
        if let Some(Location::Queue(id, ticket)) = self.peers.get(&peer)
            && let Some((_, queue)) = self.queues.get_mut(id)
        {
            queue.message_received(*ticket, self.now);
        }
    }

    /// Sets the peers that `peer` has a working link to.
    pub(crate) fn set_links(&mut self, peer: PeerId, links: &[PeerId]) -> Vec<Delivery<'static>> {
        let Some(&Location::Queue(id, ticket)) = self.peers.get(&peer) else {
            return Vec::new();
        };
        if let Some((_, queue)) = self.queues.get_mut(&id) {
            queue.set_links(ticket, links);
        }
        self.take_results(id)
    }

    /// Advances the clock by `step`. Returns the messages to send, and the peers that have stopped.
    /// The caller must remove them.
    pub(crate) fn tick(&mut self, step: Duration) -> (Vec<Delivery<'static>>, Vec<PeerId>) {
        // A place that was lost since the previous tick began later than that tick.
        let mut deliveries = self.end_places(self.now);
        self.now += step;
        let mut stopped = Vec::new();
        let queues: Vec<_> = self.queues.keys().copied().collect();
        for id in queues {
            if let Some((_, queue)) = self.queues.get_mut(&id) {
                stopped.extend(queue.tick(self.now));
            }
            deliveries.extend(self.take_results(id));
        }
        (deliveries, stopped)
    }

    /// Returns the number of rooms and groups with at least one member.
    pub(crate) fn rooms(&self) -> usize {
        let groups = self.queues.values().map(|(_, queue)| queue.groups());
        self.rooms.len() + groups.sum::<usize>()
    }

    pub(crate) fn peers(&self) -> usize {
        self.peers.len()
    }

    /// Adds `peer` to the room with this name, unless it has `limit` members. `limit` must be at
    /// least 1.
    fn enter_room(
        &mut self,
        peer: PeerId,
        name: RoomKey,
        limit: usize,
    ) -> Result<Delivery<'static>, JoinError> {
        let id = match self.names.get(&name) {
            Some(id) => *id,
            None => {
                let id = self.next_id();
                self.names.insert(name.clone(), id);
                let members = Vec::new();
                let name = Some(name);
                self.rooms.insert(id, Room { members, name });
                id
            }
        };
        let Some(room) = self.rooms.get_mut(&id) else {
            return Err(JoinError::RoomFull);
        };
        if room.members.len() >= limit {
            return Err(JoinError::RoomFull);
        }
        let others = room.members.clone();
        room.members.push(peer);
        self.peers.insert(peer, Location::Room(id));
        Ok(Delivery::new(PeerEvent::NewPeer(peer), others))
    }

    /// Returns the messages of a queue, turns its finished groups into rooms, and removes it if it
    /// is empty.
    fn take_results(&mut self, id: QueueId) -> Vec<Delivery<'static>> {
        let Some((key, queue)) = self.queues.get_mut(&id) else {
            return Vec::new();
        };
        let deliveries = queue.take_deliveries();
        let finished = queue.take_finished();
        let app = key.app.clone();
        if queue.is_empty()
            && let Some((key, _)) = self.queues.remove(&id)
        {
            self.queue_of.remove(&key);
        }
        for group in finished {
            self.create_room(group, app.clone());
        }
        deliveries
    }

    /// Creates a room for a group that has left its queue.
    fn create_room(&mut self, group: FinishedGroup, app: String) {
        let id = self.next_id();
        let name = group.room.map(|room| RoomKey::of_group(app, room));
        let members: Vec<_> = group.members.iter().map(|(_, peer)| *peer).collect();
        for peer in &members {
            self.peers.insert(*peer, Location::Room(id));
        }
        if let Some(name) = &name {
            self.names.insert(name.clone(), id);
        }
        self.rooms.insert(id, Room { members, name });
    }

    fn next_id(&mut self) -> u64 {
        self.last_id += 1;
        self.last_id
    }
}
