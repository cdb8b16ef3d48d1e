use bevy::prelude::*;
use huddle_mesh::PeerId;

/// The recipients of an event.
///
/// Convert them from the ids of peers, or from the entities of peers and rooms. A peer that is
/// listed twice receives the event once. The recipients can include the local peer, which then
/// receives the event like the other peers do.
///
/// ```
/// use bevy_huddle::prelude::*;
///
/// fn team(huddle: Huddle, allies: &[PeerId]) -> Recipients {
///     // The allies and the local peer.
///     allies.iter().copied().chain(huddle.local_id()).collect()
/// }
/// ```
#[derive(Reflect, Debug, Clone, PartialEq, Eq, Default)]
#[reflect(opaque)]
#[reflect(Debug, Clone, PartialEq, Default)]
pub enum Recipients {
    /// Every other peer in every room.
    #[default]
    Others,
    /// Every peer, including the local one.
    ///
    /// The local peer receives the event as a [`FromPeer`](crate::FromPeer) on its
    /// [`LocalPeer`](crate::LocalPeer) entity, in the next
    /// [`HuddleSystems::Receive`](crate::HuddleSystems::Receive) and in the order of sending. In
    /// several rooms it receives the event once, in the room that was joined first.
    All,
    /// One peer.
    Peer(PeerId),
    /// Several peers.
    Peers(Vec<PeerId>),
    /// The peer of a peer entity, or every other peer in the room of a room entity.
    Entity(Entity),
    /// The peers of several peer or room entities.
    Entities(Vec<Entity>),
}

impl From<PeerId> for Recipients {
    fn from(peer: PeerId) -> Self {
        Self::Peer(peer)
    }
}

impl From<Vec<PeerId>> for Recipients {
    fn from(peers: Vec<PeerId>) -> Self {
        Self::Peers(peers)
    }
}

impl From<&[PeerId]> for Recipients {
    fn from(peers: &[PeerId]) -> Self {
        Self::Peers(peers.to_vec())
    }
}

impl<const N: usize> From<[PeerId; N]> for Recipients {
    fn from(peers: [PeerId; N]) -> Self {
        Self::Peers(peers.to_vec())
    }
}

impl FromIterator<PeerId> for Recipients {
    fn from_iter<I: IntoIterator<Item = PeerId>>(peers: I) -> Self {
        Self::Peers(peers.into_iter().collect())
    }
}

impl From<Entity> for Recipients {
    fn from(entity: Entity) -> Self {
        Self::Entity(entity)
    }
}

impl From<Vec<Entity>> for Recipients {
    fn from(entities: Vec<Entity>) -> Self {
        Self::Entities(entities)
    }
}

impl From<&[Entity]> for Recipients {
    fn from(entities: &[Entity]) -> Self {
        Self::Entities(entities.to_vec())
    }
}

impl<const N: usize> From<[Entity; N]> for Recipients {
    fn from(entities: [Entity; N]) -> Self {
        Self::Entities(entities.to_vec())
    }
}

impl FromIterator<Entity> for Recipients {
    fn from_iter<I: IntoIterator<Item = Entity>>(entities: I) -> Self {
        Self::Entities(entities.into_iter().collect())
    }
}
