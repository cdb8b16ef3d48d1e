//! Events, which arrive exactly once and in order.

use bevy::prelude::*;
use huddle_mesh::PeerId;
use huddle_session::{
    MAX_EVENT_LEN,
    codec::{self, DecodeError},
};

use crate::message::{
    recipients::Recipients,
    registry::{Handler, PeerMessage, PeerRef, declare},
};

/// An event from a peer. It is triggered on the peer entity for observers, then written as a
/// [`Message`] for systems.
///
/// ```
/// use bevy::prelude::*;
/// use bevy_huddle::prelude::*;
/// use serde::{Deserialize, Serialize};
///
/// #[derive(Serialize, Deserialize)]
/// struct Splash {
///     at: [f32; 2],
/// }
///
/// fn on_splash(splash: On<FromPeer<Splash>>) {
///     println!("{} splashed at {:?}", splash.peer_id, splash.message.at);
/// }
///
/// fn read_splashes(mut splashes: MessageReader<FromPeer<Splash>>) {
///     for splash in splashes.read() {
///         println!("{} splashed at {:?}", splash.peer_id, splash.message.at);
///     }
/// }
/// # App::new().add_observer(on_splash);
/// # bevy::ecs::system::assert_is_system(read_splashes);
/// ```
#[derive(EntityEvent, Message, Reflect, Debug, Clone, PartialEq)]
#[reflect(from_reflect = false)]
pub struct FromPeer<T: Send + Sync + 'static> {
    /// The peer entity.
    pub entity: Entity,
    /// The sender.
    #[reflect(ignore)]
    pub peer_id: PeerId,
    /// The sent value.
    pub message: T,
}

/// An event that a lost peer did not acknowledge. The event may still have arrived: perhaps only
/// its acknowledgement was lost.
///
/// `Undelivered` is triggered on the peer entity for observers, before
/// [`PeerLeft`](crate::PeerLeft), then written as a [`Message`] for systems. Events are reported in
/// the order in which they were sent. They are not reported if the local peer disconnected the peer
/// or left the room.
///
/// ```
/// use bevy::prelude::*;
/// use bevy_huddle::{Undelivered, prelude::*};
/// use serde::{Deserialize, Serialize};
///
/// #[derive(Serialize, Deserialize)]
/// struct Gift {
///     coins: u32,
/// }
///
/// #[derive(Resource)]
/// struct Purse(u32);
///
/// fn on_gift_lost(gift: On<Undelivered<Gift>>, mut purse: ResMut<Purse>) {
///     purse.0 += gift.message.coins;
/// }
/// # App::new().add_observer(on_gift_lost);
/// ```
#[derive(EntityEvent, Message, Reflect, Debug, Clone, PartialEq)]
#[reflect(from_reflect = false)]
pub struct Undelivered<T: Send + Sync + 'static> {
    /// The peer entity.
    pub entity: Entity,
    /// The recipient.
    #[reflect(ignore)]
    pub peer_id: PeerId,
    /// The sent value.
    pub message: T,
}

/// An event to send, written as a [`Message`]. A system that uses a [`MessageWriter`] needs no
/// commands, so it is easy to test in isolation.
///
/// Events are sent in the frame in which they are written, in order.
///
/// ```
/// use bevy::prelude::*;
/// use bevy_huddle::{ToPeers, prelude::*};
/// use serde::{Deserialize, Serialize};
///
/// #[derive(Serialize, Deserialize)]
/// struct Splash;
///
/// fn splash(mut splashes: MessageWriter<ToPeers<Splash>>) {
///     splashes.write(ToPeers::others(Splash));
/// }
/// # bevy::ecs::system::assert_is_system(splash);
/// ```
#[derive(Message, Reflect, Debug, Clone, PartialEq)]
pub struct ToPeers<T: Send + Sync + 'static> {
    /// The recipients.
    pub recipients: Recipients,
    /// The value to send.
    pub message: T,
}

impl<T: Send + Sync + 'static> ToPeers<T> {
    /// Creates an event for every other peer.
    pub fn others(message: T) -> Self {
        Self::to(Recipients::Others, message)
    }

    /// Creates an event for the given recipients.
    pub fn to(recipients: impl Into<Recipients>, message: T) -> Self {
        Self {
            recipients: recipients.into(),
            message,
        }
    }
}

/// Declares an event.
pub(crate) fn add_event<T: PeerMessage>(app: &mut App, name: &'static str) {
    let handler = Handler {
        name,
        deliver: deliver_event::<T>,
        undelivered: Some(trigger_undelivered::<T>),
    };
    declare::<T>(app.world_mut(), handler);
    app.add_message::<FromPeer<T>>()
        .add_message::<Undelivered<T>>()
        .add_message::<ToPeers<T>>();
}

fn deliver_event<T: PeerMessage>(
    world: &mut World,
    from: PeerRef,
    payload: &[u8],
) -> Result<(), DecodeError> {
    let message: T = codec::decode(payload, MAX_EVENT_LEN)?;
    let mut event = FromPeer {
        entity: from.entity,
        peer_id: from.peer_id,
        message,
    };
    world.trigger_ref(&mut event);
    world.flush();
    world.write_message(event);
    Ok(())
}

fn trigger_undelivered<T: PeerMessage>(
    world: &mut World,
    to: PeerRef,
    payload: &[u8],
) -> Result<(), DecodeError> {
    let message: T = codec::decode(payload, MAX_EVENT_LEN)?;
    let mut event = Undelivered {
        entity: to.entity,
        peer_id: to.peer_id,
        message,
    };
    world.trigger_ref(&mut event);
    world.flush();
    world.write_message(event);
    Ok(())
}
