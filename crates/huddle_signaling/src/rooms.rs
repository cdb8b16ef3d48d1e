//! The members of all rooms and queues, as a state machine without sockets or locks.

use std::{collections::HashMap, num::NonZeroUsize, time::Duration};

use matchbox_protocol::{PeerEvent, PeerId};
use uuid::Uuid;

use crate::{
    message::{Delivery, Event, Extension, Stage},
    player::{Ticket, Timing},
    queue::{FinishedGroup, Queue},
};

#[cfg(test)]
mod tests;

/// The room that a client requests. With `?next=N`, it also contains the size of the groups. The
/// same name with a different size is a different room.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct RoomKey {
    /// The game whose room it is. Empty if the client does not name one.
    pub(crate) app: String,
    pub(crate) name: String,
    pub(crate) next: Option<NonZeroUsize>,
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
}

/// The reason why a peer cannot join.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum JoinError {
    RoomFull,
    ServerFull,
}

/// The limits of a server.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Limits {
    pub(crate) max_peers: usize,
    pub(crate) max_members: usize,
    pub(crate) timing: Timing,
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

/// A game and the name of one of its rooms.
type RoomName = (String, String);

/// A room with at least one member.
#[derive(Debug)]
struct Room {
    members: Vec<PeerId>,
    /// The name by which clients join. `None` if no client can join.
    name: Option<RoomName>,
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
    names: HashMap<RoomName, RoomId>,
    queues: HashMap<QueueId, (RoomKey, Queue)>,
    queue_of: HashMap<RoomKey, QueueId>,
    peers: HashMap<PeerId, Location>,
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
            last_id: 0,
            now: Duration::ZERO,
        }
    }

    /// Adds `peer`, a new id, to the requested room. The caller must send the first delivery before
    /// any other message to this peer.
    pub(crate) fn join(
        &mut self,
        peer: PeerId,
        join_request: JoinRequest,
    ) -> Result<Vec<Delivery<'static>>, JoinError> {
        if self.peers.len() >= self.limits.max_peers {
            return Err(JoinError::ServerFull);
        }
        let assigned = Delivery::new(PeerEvent::IdAssigned(peer), vec![peer]);
        let mut deliveries = vec![assigned];
        let JoinRequest {
            key,
            has_extensions,
            group,
        } = join_request;
        let Some(size) = key.next else {
            let announced = self.enter_room(peer, (key.app, key.name))?;
            deliveries.extend(member_list(&announced.to, peer).filter(|_| has_extensions));
            deliveries.push(announced);
            return Ok(deliveries);
        };
        // Only members of the full group have received its id, so no other client can use it.
        if let Some(id) = group.filter(|_| has_extensions)
            && let name = (key.app.clone(), id.simple().to_string())
            && self.names.contains_key(&name)
        {
            let announced = self.enter_room(peer, name)?;
            deliveries.extend(member_list(&announced.to, peer));
            deliveries.push(announced);
            let stage = Event::Extension(Extension::Group(Stage::Linked(id)));
            deliveries.push(Delivery::new(stage, vec![peer]));
            return Ok(deliveries);
        }
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
        deliveries.extend(self.take_results(id));
        Ok(deliveries)
    }

    /// Removes `peer` from its room or queue.
    pub(crate) fn leave(&mut self, peer: PeerId) -> Vec<Delivery<'static>> {
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
        self.now += step;
        let mut stopped = Vec::new();
        let mut deliveries = Vec::new();
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

    /// Adds `peer` to the room with this name.
    fn enter_room(&mut self, peer: PeerId, name: RoomName) -> Result<Delivery<'static>, JoinError> {
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
        if room.members.len() >= self.limits.max_members {
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
        let app = key.app.clone();
        let deliveries = queue.take_deliveries();
        let finished = queue.take_finished();
        if queue.is_empty()
            && let Some((key, _)) = self.queues.remove(&id)
        {
            self.queue_of.remove(&key);
        }
        for group in finished {
            self.create_room(&app, group);
        }
        deliveries
    }

    /// Creates a room for a group that has left its queue.
    fn create_room(&mut self, app: &str, group: FinishedGroup) {
        let id = self.next_id();
        let room = group.room.map(|room| room.simple().to_string());
        let name = room.map(|room| (app.to_owned(), room));
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
