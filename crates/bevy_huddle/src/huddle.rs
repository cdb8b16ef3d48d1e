use bevy::{ecs::system::SystemParam, prelude::*};
use huddle_mesh::PeerId;
use huddle_session::Tick;

use crate::{
    peer::{
        components::{LocalPeer, Peer, PeerOf},
        pending::{PendingPeers, PendingReason},
    },
    room::{
        components::{MissingLinks, Room, RoomHost, RoomTick},
        status::RoomStatus,
    },
};

/// A system parameter with the room and its peers, for games that are in one room at a time.
///
/// A game in several rooms queries the components of the room entities instead.
///
/// ```
/// use bevy::prelude::*;
/// use bevy_huddle::prelude::*;
///
/// fn show(huddle: Huddle) {
///     if let (Some(local_id), Some(status)) = (huddle.local_id(), huddle.status()) {
///         println!("{local_id} is {status} with {} other peers", huddle.peers().count());
///     }
/// }
/// # bevy::ecs::system::assert_is_system(show);
/// ```
#[derive(SystemParam)]
pub struct Huddle<'w, 's> {
    rooms: Query<'w, 's, (Entity, &'static RoomStatus, Option<Joined<'static>>)>,
    peers: Query<'w, 's, (Entity, &'static Peer), Without<LocalPeer>>,
    local_peers: Query<'w, 's, (Entity, &'static PeerOf), With<LocalPeer>>,
}

/// The components of a room that was joined.
type Joined<'a> = (
    &'a Room,
    &'a RoomHost,
    &'a RoomTick,
    &'a MissingLinks,
    &'a PendingPeers,
);

impl Huddle<'_, '_> {
    /// Returns the id of the local peer, while in a room that has not failed.
    pub fn local_id(&self) -> Option<PeerId> {
        self.joined().map(|(room, ..)| room.local_id)
    }

    /// Returns the entity of the local peer, while in a room that has not failed.
    pub fn local_peer(&self) -> Option<Entity> {
        let room = self.room()?;
        let mut local_peers = self.local_peers.iter();
        local_peers.find_map(|(entity, peer_of)| (peer_of.0 == room).then_some(entity))
    }

    /// Returns the id of the host, while in a room that has not failed.
    ///
    /// The host is the peer that has been in the room longest. It may be the local peer. A peer that has
    /// just joined is its own host until its first link opens.
    pub fn host(&self) -> Option<PeerId> {
        self.joined().map(|(_, host, ..)| host.0)
    }

    /// Returns whether the local peer is the host.
    pub fn is_host(&self) -> bool {
        self.joined()
            .is_some_and(|(room, host, ..)| host.0 == room.local_id)
    }

    /// Returns the room's tick, while in a room that has not failed.
    pub fn tick(&self) -> Option<Tick> {
        self.joined().map(|(_, _, tick, ..)| tick.0)
    }

    /// Returns the pairs of peers that are not linked with each other. Each pair starts with the
    /// lower id.
    ///
    /// Links are briefly missing whenever a peer joins or leaves.
    pub fn missing_links(&self) -> &[(PeerId, PeerId)] {
        self.joined().map_or(&[], |(.., missing, _)| missing)
    }

    /// Returns the peers that are in the room but have not joined yet, with the reasons; see
    /// [`PendingPeers`].
    pub fn pending_peers(&self) -> &[(PeerId, PendingReason)] {
        self.joined().map_or(&[], |(.., pending)| pending)
    }

    /// Returns the room's status, or `None` if there is no room.
    pub fn status(&self) -> Option<RoomStatus> {
        self.current().map(|(_, &status, _)| status)
    }

    /// Returns the room entity.
    pub fn room(&self) -> Option<Entity> {
        self.current().map(|(entity, ..)| entity)
    }

    /// Returns the peers other than the local peer, with their entities.
    pub fn peers(&self) -> impl Iterator<Item = (Entity, &Peer)> {
        self.peers.iter()
    }

    /// Returns the entity of a peer other than the local peer.
    pub fn peer_entity(&self, peer_id: PeerId) -> Option<Entity> {
        self.peers()
            .find(|(_, peer)| peer.id == peer_id)
            .map(|(entity, _)| entity)
    }

    fn joined(&self) -> Option<Joined<'_>> {
        let (_, &status, room) = self.current()?;
        room.filter(|_| status != RoomStatus::Failed)
    }

    /// Returns a room that has not failed. If all rooms have failed, returns one of them.
    fn current(&self) -> Option<(Entity, &RoomStatus, Option<Joined<'_>>)> {
        self.rooms
            .iter()
            .min_by_key(|&(_, &status, _)| status == RoomStatus::Failed)
    }
}
