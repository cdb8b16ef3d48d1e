use bevy::prelude::*;
use huddle_mesh::PeerId;

/// Who receives an event.
///
/// Made from ids of players, or from entities of peers and rooms; whoever is named twice receives
/// it once. One's own id stands for oneself: the event then arrives here too, like everybody
/// else's.
///
/// ```
/// use bevy_huddle::prelude::*;
///
/// fn team(huddle: Huddle, allies: &[PeerId]) -> Recipients {
///     // The allies, and this player.
///     allies.iter().copied().chain(huddle.local_id()).collect()
/// }
/// ```
#[derive(Reflect, Debug, Clone, PartialEq, Eq, Default)]
#[reflect(opaque)]
#[reflect(Debug, Clone, PartialEq, Default)]
pub enum Recipients {
    /// Every other player, in every room.
    #[default]
    Others,
    /// Every player, this one included: the event arrives here too, as a
    /// [`FromPeer`](crate::FromPeer) with the own id and the room's entity. That is in the next
    /// [`HuddleSystems::Receive`](crate::HuddleSystems::Receive), in the order of sending. A player
    /// in several rooms gets it once, in the room that was joined first.
    All,
    /// This player.
    Peer(PeerId),
    /// These players.
    Peers(Vec<PeerId>),
    /// Whom this entity stands for: one peer, or everybody else in one room.
    Entity(Entity),
    /// Whom these entities stand for.
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
