//! The members of all rooms and queues, as a state machine without sockets or locks.

use std::{
    collections::{HashMap, HashSet},
    num::NonZeroUsize,
    time::Duration,
};

use matchbox_protocol::{PeerEvent, PeerId};
use uuid::Uuid;

use crate::{
    access::{Access, TokensInUse},
    config::Config,
    group_id::GroupIds,
    message::{Delivery, ResumeSecret},
    places::Places,
    player::{Ticket, Timing},
    queue::{FinishedGroup, Queue},
    settings::{Settings, SettingsChange},
};

#[cfg(test)]
mod fixtures;
mod join;
mod keys;
mod resume;
mod settings;
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
    pub(crate) fn of_group(app: String, group: Uuid) -> Self {
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
    /// The settings of the room, if the client creates it.
    pub(crate) settings: SettingsChange,
    /// What the client's token and address allow.
    pub(crate) access: Access,
}

/// The reason why a peer cannot join.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum JoinError {
    /// The room has at least `max` members.
    RoomFull {
        max: usize,
    },
    /// The keeper has closed the room.
    RoomClosed,
    ServerFull,
    /// Another client uses the same token, and only one client at a time may.
    TokenInUse,
    /// The token has expired, and the client has no place to return to.
    TokenExpired,
    /// Too many clients have the same address, and the client has no place to return to.
    TooManyClients,
    /// This instance of a cluster does not own the room.
    NotOwner,
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

impl Limits {
    pub(crate) fn new(config: &Config) -> Self {
        Self {
            max_peers: config.max_clients,
            max_members: config.max_room_members,
            timing: Timing {
                request_interval: config.queue_ping_interval,
                silence_timeout: config.queue_silence_timeout,
                link_timeout: config.link_timeout,
            },
            resume_timeout: config.resume_timeout,
        }
    }
}

/// A room with at least one member.
#[derive(Debug)]
struct Room {
    /// In the order in which they joined.
    members: Vec<PeerId>,
    /// The key with which clients join. `None` if no client can join.
    name: Option<RoomKey>,
    /// `None` for the room of a group.
    settings: Option<Settings>,
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
    group_ids: GroupIds,
    rooms: HashMap<RoomId, Room>,
    names: HashMap<RoomKey, RoomId>,
    queues: HashMap<QueueId, (RoomKey, Queue)>,
    queue_of: HashMap<RoomKey, QueueId>,
    peers: HashMap<PeerId, Location>,
    places: Places,
    tokens: TokensInUse,
    /// The members of rooms that have extensions and joined by the name of the room.
    extended: HashSet<PeerId>,
    /// The rooms whose entries in the list of rooms have changed.
    listing_changes: HashSet<RoomKey>,
    /// The rooms of groups that have left their queues since the last call of
    /// [`Registry::take_formed`].
    formed: Vec<RoomKey>,
    last_id: u64,
    now: Duration,
}

impl Registry {
    /// Creates an empty registry. `max_members` must be at least 1.
    pub(crate) fn new(limits: Limits, group_ids: GroupIds) -> Self {
        Self {
            limits,
            group_ids,
            rooms: HashMap::new(),
            names: HashMap::new(),
            queues: HashMap::new(),
            queue_of: HashMap::new(),
            peers: HashMap::new(),
            places: Places::new(limits.resume_timeout),
            tokens: TokensInUse::default(),
            extended: HashSet::new(),
            listing_changes: HashSet::new(),
            formed: Vec::new(),
            last_id: 0,
            now: Duration::ZERO,
        }
    }

    /// Removes `peer` from its room or queue.
    pub(crate) fn leave(&mut self, peer: PeerId) -> Vec<Delivery<'static>> {
        self.places.remove(peer);
        self.tokens.remove(peer);
        self.extended.remove(&peer);
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
                let was_keeper = room.keeper() == Some(peer);
                room.members.retain(|&member| member != peer);
                self.listing_changes.extend(room.listed_name().cloned());
                let to = room.members.clone();
                if to.is_empty()
                    && let Some(name) = self.rooms.remove(&id).and_then(|room| room.name)
                {
                    self.names.remove(&name);
                }
                let mut deliveries = vec![Delivery::new(PeerEvent::PeerLeft(peer), to)];
                if was_keeper {
                    deliveries.extend(self.announce_status(id));
                }
                deliveries
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

    /// Returns whether `peer` is in a room or queue.
    pub(crate) fn contains(&self, peer: PeerId) -> bool {
        self.peers.contains_key(&peer)
    }

    pub(crate) fn peers(&self) -> usize {
        self.peers.len()
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
        self.formed.extend(name.clone());
        let members: Vec<_> = group.members.iter().map(|(_, peer)| *peer).collect();
        for peer in &members {
            self.peers.insert(*peer, Location::Room(id));
        }
        // Clients that knew the id may have used it for a room of their own. No client can join that
        // room from now on.
        if let Some(name) = &name
            && let Some(previous) = self.names.insert(name.clone(), id)
            && let Some(room) = self.rooms.get_mut(&previous)
        {
            self.listing_changes.extend(room.listed_name().cloned());
            room.name = None;
        }
        let settings = None;
        let room = Room {
            members,
            name,
            settings,
        };
        self.rooms.insert(id, room);
    }

    fn next_id(&mut self) -> u64 {
        self.last_id += 1;
        self.last_id
    }
}
