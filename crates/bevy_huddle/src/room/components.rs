//! What the game sees of a room.

use bevy::prelude::*;
use huddle_mesh::{PeerId, RoomUrl};
use huddle_session::Tick;

use crate::peer::pending::PendingPeers;

/// A joined room: on the entity that [`join_room`](crate::HuddleCommandsExt::join_room) spawns.
///
/// Despawning the entity leaves the room.
#[derive(Component, Reflect, Debug, Clone, PartialEq, Eq)]
#[reflect(opaque)]
#[reflect(Component, Debug, Clone, PartialEq)]
#[component(immutable)]
#[require(RoomTick, MissingLinks, PendingPeers)]
pub struct Room {
    /// Where it is.
    pub url: RoomUrl,
    /// This player's id, the same for everybody in the room.
    pub local_id: PeerId,
}

/// The room's tick, which is the same for everybody up to what it takes to tell each other; on the
/// room entity.
///
/// It goes on by one in each run of [`FixedMain`](bevy::app::FixedMain), before
/// [`FixedPreUpdate`], and jumps ahead if the others are ahead: see
/// [`TicksSkipped`](crate::TicksSkipped). Who begins a room begins at 0, and who joins it takes
/// over its tick.
#[derive(Component, Reflect, Deref, Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
#[reflect(opaque)]
#[reflect(Component, Debug, Clone, PartialEq)]
pub struct RoomTick(pub Tick);

/// The player longest in the room, as far as this player knows; on the room entity, always
/// current. [`HostChanged`](crate::HostChanged) tells of each change.
#[derive(Component, Reflect, Deref, Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[reflect(opaque)]
#[reflect(Component, Debug, Clone, PartialEq)]
#[component(immutable)]
pub struct RoomHost(pub PeerId);

/// The pairs of players who are not linked with each other, the lower id first; on the room
/// entity. While somebody joins or leaves it is normal that links are missing for a moment.
#[derive(Component, Reflect, Deref, Debug, Clone, PartialEq, Eq, Default)]
#[reflect(opaque)]
#[reflect(Component, Debug, Clone, PartialEq)]
#[component(immutable)]
pub struct MissingLinks(pub Vec<(PeerId, PeerId)>);

/// The entities of the rooms that are joined and have not failed, in the order of joining. It is
/// there while the plugins are, which is when rooms work.
#[derive(Resource, Deref, DerefMut, Debug, Default)]
pub(crate) struct Rooms(Vec<Entity>);
