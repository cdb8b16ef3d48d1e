//! Bytes to and from stock matchbox clients, which know nothing else.

use bevy::prelude::*;
use bytes::Bytes;
use huddle_mesh::{Channel, PeerId};

/// A stock matchbox client sent something. Triggered on its peer entity, in the order of arrival.
///
/// ```
/// use bevy::prelude::*;
/// use bevy_huddle::{RawReceived, prelude::*};
///
/// fn answer(received: On<RawReceived>, mut commands: Commands) {
///     if received.bytes.starts_with(b"ping") {
///         commands.send_raw(received.peer_id, received.channel, b"pong".as_slice());
///     }
/// }
/// # App::new().add_observer(answer);
/// ```
#[derive(EntityEvent, Reflect, Debug, Clone, PartialEq, Eq)]
#[reflect(opaque)]
#[reflect(Event, Debug, Clone, PartialEq)]
pub struct RawReceived {
    /// The peer entity.
    pub entity: Entity,
    /// From whom.
    pub peer_id: PeerId,
    /// On which channel.
    pub channel: Channel,
    /// What was sent, as it came; nothing has checked it.
    pub bytes: Bytes,
}
