//! Bytes to and from stock matchbox clients, which know nothing else.

use bevy::prelude::*;
use bytes::Bytes;
use huddle_mesh::{Channel, PeerId};

use crate::{
    events::MessageError,
    receive::apply::{peer_entity, trigger},
    room::link::RoomLink,
    send::failures,
};

/// A stock matchbox client sent something. Triggered on its peer entity, in the order of arrival.
///
/// ```
/// use bevy::prelude::*;
/// use bevy_huddle::{RawReceived, prelude::*};
///
/// fn answer(received: On<RawReceived>, mut commands: Commands) {
///     if received.bytes.starts_with(b"ping") {
///         commands.send_raw(received.peer, received.channel, b"pong".as_slice());
///     }
/// }
/// # App::new().add_observer(answer);
/// ```
#[derive(EntityEvent, Debug, Clone, PartialEq, Eq)]
pub struct RawReceived {
    /// The peer entity.
    pub entity: Entity,
    /// From whom.
    pub peer: PeerId,
    /// On which channel.
    pub channel: Channel,
    /// What was sent, as it came; nothing has checked it.
    pub bytes: Bytes,
}

/// Brings bytes of a stock client into the world.
pub(crate) fn receive_raw(
    world: &mut World,
    room: Entity,
    peer: PeerId,
    channel: Channel,
    bytes: Bytes,
) {
    if let Some(entity) = peer_entity(world, room, peer) {
        trigger(
            world,
            RawReceived {
                entity,
                peer,
                channel,
                bytes,
            },
        );
    }
}

/// Sends bytes to a stock client in one of these rooms.
pub(crate) fn send_raw(
    world: &mut World,
    rooms: &[Entity],
    peer: PeerId,
    channel: Channel,
    bytes: Bytes,
) {
    let is_in = |room: &&Entity| peer_entity(world, **room, peer).is_some();
    let room = rooms.iter().find(is_in).copied();
    let sent = match room.and_then(|room| world.get_mut::<RoomLink>(room)) {
        Some(mut link) => link.send_raw(peer, channel, bytes),
        None if rooms.is_empty() => Err(MessageError::NoRoom),
        None => Err(MessageError::UnknownPeer),
    };
    if let Err(error) = sent {
        failures::report(world, "raw bytes", Some(peer), error);
    }
}
