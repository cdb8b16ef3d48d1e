//! The parts of a room's data that belong to rollback. Rooms do not depend on it.

use std::time::Duration;

use bevy::prelude::*;
use bytes::Bytes;
use huddle_mesh::PeerId;

/// The section of another module in a packet from a peer.
#[derive(Debug)]
pub(crate) struct ReceivedSection {
    pub(crate) peer_id: PeerId,
    /// The sequence number of the packet.
    pub(crate) packet: u64,
    pub(crate) payload: Bytes,
    /// When the packet arrived, since the room was joined.
    pub(crate) arrived: Duration,
    pub(crate) rtt: Option<Duration>,
}

/// The functions that receive what a room does not handle itself. Each gets the room's entity.
#[derive(Resource, Clone, Copy)]
pub(crate) struct RoomExtension {
    /// A packet contained a section.
    pub(crate) section: fn(&mut World, Entity, ReceivedSection),
    /// A peer's program was restarted: a new one uses the peer's id.
    pub(crate) restarted: fn(&mut World, Entity, PeerId),
    /// The local player is about to leave the room.
    pub(crate) leaving: fn(&mut World, Entity),
}

/// Calls a function of the extension, if there is one.
pub(crate) fn extend(world: &mut World, call: impl FnOnce(RoomExtension, &mut World)) {
    if let Some(extension) = world.get_resource::<RoomExtension>().copied() {
        call(extension, world);
    }
}
