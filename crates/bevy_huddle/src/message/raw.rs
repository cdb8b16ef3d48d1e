//! Raw bytes, which stock matchbox clients send and receive.

use bevy::prelude::*;
use bytes::Bytes;
use huddle_mesh::{Channel, PeerId};

/// A stock matchbox client sent bytes. Triggered on its peer entity, in the order in which the
/// bytes arrived.
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
    /// The sender.
    pub peer_id: PeerId,
    /// The channel on which the bytes arrived.
    pub channel: Channel,
    /// The received bytes. They are untrusted and unchecked.
    pub bytes: Bytes,
}
