//! The components of room entities.

use bevy::prelude::*;
use huddle_mesh::{PeerId, RoomUrl};
use huddle_session::Tick;

use crate::peer::pending::PendingPeers;

/// A joined room. [`join_room`](crate::HuddleCommandsExt::join_room) spawns its entity.
///
/// Despawning the entity leaves the room.
#[derive(Component, Reflect, Debug, Clone, PartialEq, Eq)]
#[reflect(opaque)]
#[reflect(Component, Debug, Clone, PartialEq)]
#[component(immutable)]
#[require(RoomTick, MissingLinks, PendingPeers)]
pub struct Room {
    /// The URL of the room.
    pub url: RoomUrl,
    /// The id of the local peer. Every machine uses the same id for it.
    pub local_id: PeerId,
}

/// The room's tick, a component of the room entity. The ticks of two peers differ only by the
/// network latency.
///
/// The tick advances by one in each run of [`FixedMain`](bevy::app::FixedMain), before
/// [`FixedPreUpdate`]. It jumps ahead if the other peers are ahead; see
/// [`TicksSkipped`](crate::TicksSkipped). A new room starts at tick 0, and a peer that joins adopts
/// the room's tick.
#[derive(Component, Reflect, Deref, Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
#[reflect(opaque)]
#[reflect(Component, Debug, Clone, PartialEq)]
pub struct RoomTick(pub Tick);

/// The host, a component of the room entity: the peer that has been in the room longest, according
/// to the local peer. [`HostChanged`](crate::HostChanged) reports each change.
#[derive(Component, Reflect, Deref, Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[reflect(opaque)]
#[reflect(Component, Debug, Clone, PartialEq)]
#[component(immutable)]
pub struct RoomHost(pub PeerId);

/// The pairs of peers that are not linked with each other, a component of the room entity. Each
/// pair starts with the lower id. Links are briefly missing whenever a peer joins or leaves.
#[derive(Component, Reflect, Deref, Debug, Clone, PartialEq, Eq, Default)]
#[reflect(opaque)]
#[reflect(Component, Debug, Clone, PartialEq)]
#[component(immutable)]
pub struct MissingLinks(pub Vec<(PeerId, PeerId)>);

/// The entities of the rooms that are joined and have not failed, in the order in which they were
/// joined. The plugins insert this resource.
#[derive(Resource, Deref, DerefMut, Debug, Default)]
pub(crate) struct Rooms(Vec<Entity>);
