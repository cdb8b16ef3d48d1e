//! Who is in which room: a pure state machine. Sockets and locks are elsewhere.

use std::{collections::HashMap, num::NonZeroUsize, time::Duration};

use matchbox_protocol::{PeerEvent, PeerId};
use uuid::Uuid;

use crate::{
    message::{Delivery, Event, Extension, Payload, Stage},
    player::{Ticket, Timing},
    queue::{Final, Queue},
};

#[cfg(test)]
mod tests;

/// What a client asks for: a room name and, with `?next=N`, the size of the groups in which
/// arriving clients are put. The same name with another size is another room.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct RoomKey {
    pub(crate) name: String,
    pub(crate) next: Option<NonZeroUsize>,
}

/// A client that wants to join.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Arrival {
    pub(crate) key: RoomKey,
    /// It understands more than matchbox's protocol.
    pub(crate) extends: bool,
    /// The group it was in when it lost its connection. If that is linked, it goes back there.
    pub(crate) group: Option<Uuid>,
}

/// Why a peer cannot join.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Full {
    Room,
    Server,
}

/// How much there may be, and how long things may take.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Limits {
    pub(crate) max_peers: usize,
    pub(crate) max_members: usize,
    pub(crate) timing: Timing,
}

/// The number of members that are listed for a newcomer. A mesh of more peers does not work, and a
/// signaling message must stay small in a room of any size.
const MAX_LISTED: usize = 32;

/// The list of the other members of a room for a newcomer, unless the room was empty.
fn members(others: &[PeerId], newcomer: PeerId) -> Option<Delivery<'static>> {
    let listed: Vec<_> = others.iter().take(MAX_LISTED).copied().collect();
    let event = Event::Extension(Extension::Members(listed));
    (!others.is_empty()).then(|| Delivery::new(event, vec![newcomer]))
}

/// Peers that hear of each other. Empty rooms do not exist.
#[derive(Debug)]
struct Room {
    members: Vec<PeerId>,
    /// Where joiners look for this room; `None` if the room cannot be joined.
    name: Option<String>,
}

/// Identifies a room for as long as it exists; never used twice.
type RoomId = u64;

/// Identifies a queue for as long as it exists; never used twice.
type QueueId = u64;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Place {
    Room(RoomId),
    Queue(QueueId, Ticket),
}

/// All rooms and queues. Each operation but [`Registry::tick`] costs time in proportion to the
/// members of one room only.
#[derive(Debug)]
pub(crate) struct Registry {
    limits: Limits,
    rooms: HashMap<RoomId, Room>,
    names: HashMap<String, RoomId>,
    queues: HashMap<QueueId, (RoomKey, Queue)>,
    queue_of: HashMap<RoomKey, QueueId>,
    peers: HashMap<PeerId, Place>,
    last_id: u64,
    now: Duration,
}

impl Registry {
    /// An empty registry for rooms of `max_members`, at least 1.
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

    /// Lets `peer`, a fresh id, into the room. It must get the first delivery before any other.
    pub(crate) fn join(
        &mut self,
        peer: PeerId,
        arrival: Arrival,
    ) -> Result<Vec<Delivery<'static>>, Full> {
        if self.peers.len() >= self.limits.max_peers {
            return Err(Full::Server);
        }
        let assigned = Delivery::new(PeerEvent::IdAssigned(peer), vec![peer]);
        let mut deliveries = vec![assigned];
        let Arrival {
            key,
            extends,
            group,
        } = arrival;
        let Some(size) = key.next else {
            let announced = self.enter(peer, key.name)?;
            deliveries.extend(members(&announced.to, peer).filter(|_| extends));
            deliveries.push(announced);
            return Ok(deliveries);
        };
        // An id is known to the members of one full group only, so this lets no stranger in.
        if let Some(id) = group.filter(|_| extends)
            && let name = id.simple().to_string()
            && self.names.contains_key(&name)
        {
            let announced = self.enter(peer, name)?;
            deliveries.extend(members(&announced.to, peer));
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
        self.peers.insert(peer, Place::Queue(id, ticket));
        if let Some((_, queue)) = self.queues.get_mut(&id) {
            queue.join(ticket, peer, extends, self.now);
        }
        deliveries.extend(self.after(id));
        Ok(deliveries)
    }

    /// Takes `peer` out of its room or queue.
    pub(crate) fn leave(&mut self, peer: PeerId) -> Vec<Delivery<'static>> {
        match self.peers.remove(&peer) {
            None => Vec::new(),
            Some(Place::Queue(id, ticket)) => {
                if let Some((_, queue)) = self.queues.get_mut(&id) {
                    queue.leave(ticket, self.now);
                }
                self.after(id)
            }
            Some(Place::Room(id)) => {
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

    /// A signal from one peer to another, or nothing if they do not share a room.
    pub(crate) fn route<'a>(
        &mut self,
        sender: PeerId,
        receiver: PeerId,
        data: Payload<'a>,
    ) -> Option<Delivery<'a>> {
        let meet = match (self.peers.get(&sender)?, self.peers.get(&receiver)?) {
            (Place::Room(a), Place::Room(b)) => a == b,
            (Place::Queue(a, sender), Place::Queue(b, receiver)) if a == b => {
                let (_, queue) = self.queues.get_mut(a)?;
                queue.signal(*sender, *receiver)
            }
            _ => false,
        };
        meet.then(|| Delivery::new(PeerEvent::Signal { sender, data }, vec![receiver]))
    }

    /// The client of `peer` said something, which shows that it runs.
    pub(crate) fn heard(&mut self, peer: PeerId) {
        if let Some(Place::Queue(id, ticket)) = self.peers.get(&peer)
            && let Some((_, queue)) = self.queues.get_mut(id)
        {
            queue.heard(*ticket, self.now);
        }
    }

    /// `peer` reports to whom it has a working link.
    pub(crate) fn linked(&mut self, peer: PeerId, with: &[PeerId]) -> Vec<Delivery<'static>> {
        let Some(&Place::Queue(id, ticket)) = self.peers.get(&peer) else {
            return Vec::new();
        };
        if let Some((_, queue)) = self.queues.get_mut(&id) {
            queue.linked(ticket, with);
        }
        self.after(id)
    }

    /// Lets time pass. Returns what is to be sent, and who has stopped and has to leave.
    pub(crate) fn tick(&mut self, step: Duration) -> (Vec<Delivery<'static>>, Vec<PeerId>) {
        self.now += step;
        let mut stopped = Vec::new();
        let mut deliveries = Vec::new();
        let queues: Vec<_> = self.queues.keys().copied().collect();
        for id in queues {
            if let Some((_, queue)) = self.queues.get_mut(&id) {
                stopped.extend(queue.tick(self.now));
            }
            deliveries.extend(self.after(id));
        }
        (deliveries, stopped)
    }

    /// Rooms and groups with at least one member.
    pub(crate) fn rooms(&self) -> usize {
        let groups = self.queues.values().map(|(_, queue)| queue.groups());
        self.rooms.len() + groups.sum::<usize>()
    }

    pub(crate) fn peers(&self) -> usize {
        self.peers.len()
    }

    /// Puts `peer` into the room with this name.
    fn enter(&mut self, peer: PeerId, name: String) -> Result<Delivery<'static>, Full> {
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
            return Err(Full::Room);
        };
        if room.members.len() >= self.limits.max_members {
            return Err(Full::Room);
        }
        let others = room.members.clone();
        room.members.push(peer);
        self.peers.insert(peer, Place::Room(id));
        Ok(Delivery::new(PeerEvent::NewPeer(peer), others))
    }

    /// Carries out what a queue decided.
    fn after(&mut self, id: QueueId) -> Vec<Delivery<'static>> {
        let Some((_, queue)) = self.queues.get_mut(&id) else {
            return Vec::new();
        };
        let deliveries = queue.take_out();
        let finals = queue.take_finals();
        if queue.is_empty()
            && let Some((key, _)) = self.queues.remove(&id)
        {
            self.queue_of.remove(&key);
        }
        for group in finals {
            self.found(group);
        }
        deliveries
    }

    /// Makes a room of a group that has left its queue.
    fn found(&mut self, group: Final) {
        let id = self.next_id();
        let name = group.room.map(|room| room.simple().to_string());
        let members: Vec<_> = group.members.iter().map(|(_, peer)| *peer).collect();
        for peer in &members {
            self.peers.insert(*peer, Place::Room(id));
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
