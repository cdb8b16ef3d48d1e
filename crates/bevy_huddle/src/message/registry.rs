use std::{any::TypeId, collections::HashMap, sync::Arc};

use bevy::prelude::*;
use huddle_mesh::PeerId;
use huddle_session::{
    Delivery, KindError, KindId, Kinds, MAX_EVENT_LEN, MAX_STATE_LEN, Schema, SchemaError,
    codec::{self, DecodeError},
};
use serde::{Serialize, de::DeserializeOwned};
use thiserror::Error;

use crate::{
    message::recipients::Recipients,
    plugin::HuddleSystems,
    send::queue::{queue_written, send_events, send_tick},
};

/// What can be sent to peers: every `serde` type that owns its data.
///
/// Names of fields and types are not sent, so that messages are small. Attributes that need them
/// (`#[serde(untagged)]`, `#[serde(tag = "..")]`, `#[serde(flatten)]`,
/// `#[serde(skip_serializing_if = "..")]`) are refused where the type is declared.
pub trait PeerMessage: Serialize + DeserializeOwned + Send + Sync + 'static {}

impl<T: Serialize + DeserializeOwned + Send + Sync + 'static> PeerMessage for T {}

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
///     println!("{} splashed at {:?}", splash.peer, splash.message.at);
/// }
///
/// fn read_splashes(mut splashes: MessageReader<FromPeer<Splash>>) {
///     for splash in splashes.read() {
///         println!("{} splashed at {:?}", splash.peer, splash.message.at);
///     }
/// }
/// # App::new().add_observer(on_splash);
/// # bevy::ecs::system::assert_is_system(read_splashes);
/// ```
#[derive(EntityEvent, Message, Debug, Clone, PartialEq)]
pub struct FromPeer<T: Send + Sync + 'static> {
    /// The peer entity.
    pub entity: Entity,
    /// Who sent it.
    pub peer: PeerId,
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
#[derive(EntityEvent, Message, Debug, Clone, PartialEq)]
pub struct Undelivered<T: Send + Sync + 'static> {
    /// The peer entity.
    pub entity: Entity,
    /// Who did not get it.
    pub peer: PeerId,
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
///     splashes.write(ToPeers::all(Splash));
/// }
/// # bevy::ecs::system::assert_is_system(splash);
/// ```
#[derive(Message, Debug, Clone, PartialEq)]
pub struct ToPeers<T: Send + Sync + 'static> {
    /// Who receives it.
    pub recipients: Recipients,
    /// What is sent.
    pub message: T,
}

impl<T: Send + Sync + 'static> ToPeers<T> {
    /// For everybody else.
    pub fn all(message: T) -> Self {
        Self::to(Recipients::All, message)
    }

    /// For these recipients.
    pub fn to(recipients: impl Into<Recipients>, message: T) -> Self {
        Self {
            recipients: recipients.into(),
            message,
        }
    }
}

/// A peer's latest state of a type; on the peer entity from when the first value arrived.
///
/// ```
/// use bevy::prelude::*;
/// use bevy_huddle::prelude::*;
/// use serde::{Deserialize, Serialize};
///
/// #[derive(Serialize, Deserialize)]
/// struct Pose {
///     x: f32,
///     y: f32,
/// }
///
/// fn follow(mut peers: Query<(&Shared<Pose>, &mut Transform), Changed<Shared<Pose>>>) {
///     for (pose, mut transform) in &mut peers {
///         transform.translation = Vec3::new(pose.x, pose.y, 0.0);
///     }
/// }
/// # bevy::ecs::system::assert_is_system(follow);
/// ```
#[derive(Component, Deref, Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Shared<T: Send + Sync + 'static>(pub T);

/// Declares an event, and sends what is written of it.
pub(crate) fn add_event<T: PeerMessage>(app: &mut App, name: &'static str) {
    declare::<T>(app.world_mut(), Delivery::Event, Handler::event::<T>(name));
    app.add_message::<FromPeer<T>>()
        .add_message::<Undelivered<T>>()
        .add_message::<ToPeers<T>>()
        .add_systems(
            FixedPostUpdate,
            queue_written::<T>
                .in_set(HuddleSystems::Send)
                .before(send_tick),
        )
        .add_systems(
            Last,
            queue_written::<T>
                .in_set(HuddleSystems::Send)
                .before(send_events),
        );
}

/// The declared messages. Shared, so that systems can hold on to it while the world changes.
#[derive(Resource, Clone, Default, Deref)]
pub(crate) struct MessageKinds(Arc<MessageTable>);

#[derive(Clone, Default)]
pub(crate) struct MessageTable {
    pub(crate) kinds: Kinds,
    events: HashMap<TypeId, Declared>,
    states: HashMap<TypeId, Declared>,
    handlers: HashMap<KindId, Handler>,
}

/// What a type was declared as.
#[derive(Clone, Copy)]
pub(crate) struct Declared {
    pub(crate) kind: KindId,
    pub(crate) name: &'static str,
}

/// Brings a message of a declared kind into the world.
#[derive(Clone, Copy)]
pub(crate) struct Handler {
    pub(crate) name: &'static str,
    pub(crate) deliver: Deliver,
    /// Of events: tells that a peer did not get one.
    pub(crate) undelivered: Option<Deliver>,
}

impl Handler {
    fn event<T: PeerMessage>(name: &'static str) -> Self {
        Self {
            name,
            deliver: deliver_event::<T>,
            undelivered: Some(tell_undelivered::<T>),
        }
    }

    pub(crate) fn state<T: PeerMessage>(name: &'static str) -> Self {
        Self {
            name,
            deliver: deliver_state::<T>,
            undelivered: None,
        }
    }
}

type Deliver = fn(&mut World, Party, &[u8]) -> Result<(), DecodeError>;

/// Who sent a message, or was to receive it.
#[derive(Clone, Copy)]
pub(crate) struct Party {
    pub(crate) peer: PeerId,
    pub(crate) entity: Entity,
}

impl MessageTable {
    pub(crate) fn event<T: PeerMessage>(&self) -> Option<Declared> {
        self.events.get(&TypeId::of::<T>()).copied()
    }

    pub(crate) fn state<T: PeerMessage>(&self) -> Option<Declared> {
        self.states.get(&TypeId::of::<T>()).copied()
    }

    pub(crate) fn handler(&self, kind: KindId) -> Option<Handler> {
        self.handlers.get(&kind).copied()
    }

    fn declare<T: PeerMessage>(
        &mut self,
        delivery: Delivery,
        handler: Handler,
    ) -> Result<(), DeclareError> {
        let name = handler.name;
        let kind = self
            .kinds
            .declare(name, delivery, Schema::checked::<T>()?)?;
        let types = match delivery {
            Delivery::Event => &mut self.events,
            Delivery::State => &mut self.states,
        };
        if let Some(other) = types.insert(TypeId::of::<T>(), Declared { kind, name }) {
            panic!(
                "`{}` is declared twice, as \"{}\" and as \"{name}\": declare each type once",
                std::any::type_name::<T>(),
                other.name
            );
        }
        self.handlers.insert(kind, handler);
        Ok(())
    }
}

/// Why a type of message cannot be declared.
#[derive(Debug, Error)]
enum DeclareError {
    /// Its name cannot be used.
    #[error(transparent)]
    Kind(#[from] KindError),
    /// Its values would not survive being sent.
    #[error(transparent)]
    Schema(#[from] SchemaError),
}

pub(crate) fn declare<T: PeerMessage>(world: &mut World, delivery: Delivery, handler: Handler) {
    let mut kinds = world.get_resource_or_init::<MessageKinds>();
    if let Err(error) = Arc::make_mut(&mut kinds.0).declare::<T>(delivery, handler) {
        panic!("cannot declare `{}`: {error}", std::any::type_name::<T>());
    }
}

fn deliver_event<T: PeerMessage>(
    world: &mut World,
    from: Party,
    payload: &[u8],
) -> Result<(), DecodeError> {
    let message: T = codec::decode(payload, MAX_EVENT_LEN)?;
    let mut event = FromPeer {
        entity: from.entity,
        peer: from.peer,
        message,
    };
    world.trigger_ref(&mut event);
    world.flush();
    world.write_message(event);
    Ok(())
}

fn tell_undelivered<T: PeerMessage>(
    world: &mut World,
    to: Party,
    payload: &[u8],
) -> Result<(), DecodeError> {
    let message: T = codec::decode(payload, MAX_EVENT_LEN)?;
    let mut event = Undelivered {
        entity: to.entity,
        peer: to.peer,
        message,
    };
    world.trigger_ref(&mut event);
    world.flush();
    world.write_message(event);
    Ok(())
}

fn deliver_state<T: PeerMessage>(
    world: &mut World,
    from: Party,
    payload: &[u8],
) -> Result<(), DecodeError> {
    let value: T = codec::decode(payload, MAX_STATE_LEN)?;
    if let Ok(mut entity) = world.get_entity_mut(from.entity) {
        match entity.get_mut::<Shared<T>>() {
            Some(mut shared) => shared.0 = value,
            None => {
                entity.insert(Shared(value));
            }
        }
        world.flush();
    }
    Ok(())
}
