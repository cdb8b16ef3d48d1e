//! Events: what is sent once and arrives once.

use bevy::prelude::*;
use huddle_mesh::PeerId;
use huddle_session::{
    Delivery, MAX_EVENT_LEN,
    codec::{self, DecodeError},
};

use crate::message::{
    recipients::Recipients,
    registry::{Handler, Party, PeerMessage, declare},
};

/// An event that a peer sent. It is triggered on the peer entity for observers, then written as a
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
    /// Who sent it.
    #[reflect(ignore)]
    pub peer_id: PeerId,
    /// What they sent.
    pub message: T,
}

/// An event that a peer is not known to have got: they are gone, and did not confirm it. It may
/// have arrived, if only the confirmation was lost. It is triggered on the peer entity for observers, before [`PeerLeft`](crate::PeerLeft),
/// and written as a [`Message`] for systems.
///
/// It is told in the order of sending. Nothing is told of peers whom this player cut off or left.
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
    /// Who did not get it.
    #[reflect(ignore)]
    pub peer_id: PeerId,
    /// What was sent.
    pub message: T,
}

/// Sends an event when it is written as a [`Message`]: a [`MessageWriter`] needs no commands, so
/// that systems stay small and can be tested alone.
///
/// What is written in a frame leaves in the same frame, in order.
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
    /// Who receives it.
    pub recipients: Recipients,
    /// What is sent.
    pub message: T,
}

impl<T: Send + Sync + 'static> ToPeers<T> {
    /// For every other player.
    pub fn others(message: T) -> Self {
        Self::to(Recipients::Others, message)
    }

    /// For these recipients.
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
    declare::<T>(app.world_mut(), Delivery::Event, handler);
    app.add_message::<FromPeer<T>>()
        .add_message::<Undelivered<T>>()
        .add_message::<ToPeers<T>>();
}

fn deliver_event<T: PeerMessage>(
    world: &mut World,
    from: Party,
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
    to: Party,
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
