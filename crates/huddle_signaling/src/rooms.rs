//! Who is in which room: a pure state machine. Sockets, locks and clocks are elsewhere.

use std::{collections::HashMap, num::NonZeroUsize};

use matchbox_protocol::{PeerEvent, PeerId, PeerRequest};
use serde_json::value::RawValue;

#[cfg(test)]
mod tests;

/// What a client asks for: a room name and, with `?next=N`, the size of the groups in which
/// arriving clients are put. The same name with another size is another room.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct RoomKey {
    pub(crate) name: String,
    pub(crate) next: Option<NonZeroUsize>,
}

/// An event and the peers it goes to, maybe none.
#[derive(Debug, PartialEq)]
pub(crate) struct Delivery<'a> {
    pub(crate) event: Event<'a>,
    pub(crate) to: Vec<PeerId>,
}

/// The payload of a signal is never looked at.
pub(crate) type Event<'a> = PeerEvent<Payload<'a>>;

/// What a client sends.
pub(crate) type Request<'a> = PeerRequest<Payload<'a>>;

/// JSON on its way from one peer to another, byte by byte as it came.
#[derive(Debug, Clone, Copy, serde::Serialize, serde::Deserialize)]
#[serde(transparent)]
pub(crate) struct Payload<'a>(#[serde(borrow)] pub(crate) &'a RawValue);

impl PartialEq for Payload<'_> {
    fn eq(&self, other: &Self) -> bool {
        self.0.get() == other.0.get()
    }
}

/// Why a peer cannot join.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Full {
    Room,
    Server,
}

/// Peers that hear of each other. Empty groups do not exist.
#[derive(Debug)]
struct Group {
    members: Vec<PeerId>,
    /// Where joiners look for this group; `None` once it is sealed.
    key: Option<RoomKey>,
}

/// Identifies a group for as long as it exists; never used twice.
type GroupId = u64;

/// All rooms. Each operation costs time in proportion to the members of one room only.
#[derive(Debug)]
pub(crate) struct Registry {
    groups: HashMap<GroupId, Group>,
    open: HashMap<RoomKey, GroupId>,
    peers: HashMap<PeerId, GroupId>,
    last_group: GroupId,
    max_peers: usize,
    max_members: usize,
}

impl Registry {
    /// An empty registry for rooms of `max_members`, at least 1.
    pub(crate) fn new(max_peers: usize, max_members: usize) -> Self {
        Self {
            groups: HashMap::new(),
            open: HashMap::new(),
            peers: HashMap::new(),
            last_group: 0,
            max_peers,
            max_members,
        }
    }

    /// Lets `peer`, a fresh id, into the room. It must get the first delivery before any other.
    pub(crate) fn join(
        &mut self,
        peer: PeerId,
        key: RoomKey,
    ) -> Result<[Delivery<'static>; 2], Full> {
        if self.peers.len() >= self.max_peers {
            return Err(Full::Server);
        }
        let size = key.next;
        let id = *self.open.entry(key.clone()).or_insert_with(|| {
            self.last_group += 1;
            self.last_group
        });
        let group = self.groups.entry(id).or_insert_with(|| Group {
            members: Vec::new(),
            key: Some(key),
        });
        if group.members.len() >= self.max_members {
            return Err(Full::Room);
        }
        let others = group.members.clone();
        group.members.push(peer);
        self.peers.insert(peer, id);
        if size.is_some_and(|size| group.members.len() >= size.get())
            && let Some(key) = group.key.take()
        {
            self.open.remove(&key);
        }
        Ok([
            Delivery {
                event: PeerEvent::IdAssigned(peer),
                to: vec![peer],
            },
            Delivery {
                event: PeerEvent::NewPeer(peer),
                to: others,
            },
        ])
    }

    /// Takes `peer` out of its room; a place in a group that still waits becomes free again.
    pub(crate) fn leave(&mut self, peer: PeerId) -> Option<Delivery<'static>> {
        let id = self.peers.remove(&peer)?;
        let group = self.groups.get_mut(&id)?;
        group.members.retain(|&member| member != peer);
        let to = group.members.clone();
        if to.is_empty()
            && let Some(key) = self.groups.remove(&id).and_then(|group| group.key)
        {
            self.open.remove(&key);
        }
        Some(Delivery {
            event: PeerEvent::PeerLeft(peer),
            to,
        })
    }

    /// A signal from one peer to another, or nothing if they do not share a room.
    pub(crate) fn route<'a>(
        &self,
        sender: PeerId,
        receiver: PeerId,
        data: Payload<'a>,
    ) -> Option<Delivery<'a>> {
        let room = self.peers.get(&sender)?;
        (self.peers.get(&receiver)? == room).then(|| Delivery {
            event: PeerEvent::Signal { sender, data },
            to: vec![receiver],
        })
    }

    /// Rooms and sealed groups with at least one member.
    pub(crate) fn rooms(&self) -> usize {
        self.groups.len()
    }

    pub(crate) fn peers(&self) -> usize {
        self.peers.len()
    }
}
