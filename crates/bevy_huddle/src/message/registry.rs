//! The declared messages, and the handlers that deliver them to the world.

use std::{any::TypeId, collections::HashMap, sync::Arc};

use bevy::prelude::*;
use huddle_mesh::PeerId;
use huddle_session::{Delivery, KindError, KindId, Kinds, Schema, SchemaError, codec::DecodeError};
use huddle_snapshot::{Component, Layout, LayoutError};
use serde::{Serialize, de::DeserializeOwned};
use thiserror::Error;

/// A type that can be sent to peers. Every `serde` type that owns its data implements this trait.
///
/// Messages do not contain the names of fields and types, which keeps them small. Attributes that
/// need these names
/// (`#[serde(untagged)]`, `#[serde(tag = "..")]`, `#[serde(flatten)]`,
/// `#[serde(skip_serializing_if = "..")]`) cause a panic when the type is declared.
///
/// An [`Entity`] is valid only in its own app. In another player's app it refers to a different
/// entity, or to none. Send a [`PeerId`] or an id that the game assigns instead.
pub trait PeerMessage: Serialize + DeserializeOwned + Send + Sync + 'static {}

impl<T: Serialize + DeserializeOwned + Send + Sync + 'static> PeerMessage for T {}

/// The declared messages. Cloning is cheap, so code can keep a copy while it changes the world.
#[derive(Resource, Clone, Default, Deref)]
pub(crate) struct MessageKinds(Arc<MessageTable>);

#[derive(Clone, Default)]
pub(crate) struct MessageTable {
    pub(crate) kinds: Kinds,
    events: HashMap<TypeId, Declared>,
    handlers: HashMap<KindId, Handler>,
    /// The component types of replicated entities.
    components: Vec<Component>,
}

/// A declared type: its kind and its name.
#[derive(Clone, Copy)]
pub(crate) struct Declared {
    pub(crate) kind: KindId,
    pub(crate) name: &'static str,
}

/// The functions that deliver messages of a declared kind to the world.
#[derive(Clone, Copy)]
pub(crate) struct Handler {
    pub(crate) name: &'static str,
    pub(crate) deliver: Deliver,
    /// Reports an event that a peer did not acknowledge.
    pub(crate) undelivered: Option<Deliver>,
}

pub(crate) type Deliver = fn(&mut World, PeerRef, &[u8]) -> Result<(), DecodeError>;

/// The sender or recipient of a message.
#[derive(Clone, Copy)]
pub(crate) struct PeerRef {
    pub(crate) peer_id: PeerId,
    pub(crate) entity: Entity,
}

impl MessageTable {
    pub(crate) fn event<T: PeerMessage>(&self) -> Option<Declared> {
        self.events.get(&TypeId::of::<T>()).copied()
    }

    pub(crate) fn handler(&self, kind: KindId) -> Option<Handler> {
        self.handlers.get(&kind).copied()
    }

    /// Returns the layout of replicated entities.
    pub(crate) fn layout(&self) -> Layout {
        // `declare_component` has checked it.
        Layout::new(self.components.iter().cloned()).unwrap_or_default()
    }

    fn declare_component(
        &mut self,
        component: Component,
        schema: Schema,
    ) -> Result<(), DeclareError> {
        let name = component.name();
        self.kinds.declare(name, Delivery::Component, schema)?;
        self.components.push(component);
        Layout::new(self.components.iter().cloned())?;
        Ok(())
    }

    fn declare<T: PeerMessage>(&mut self, handler: Handler) -> Result<(), DeclareError> {
        let name = handler.name;
        let kind = self
            .kinds
            .declare(name, Delivery::Event, Schema::checked::<T>()?)?;
        if let Some(other) = self
            .events
            .insert(TypeId::of::<T>(), Declared { kind, name })
        {
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

/// The reason why a type cannot be declared.
#[derive(Debug, Error)]
enum DeclareError {
    /// The name is invalid or in use.
    #[error(transparent)]
    Kind(#[from] KindError),
    /// The values cannot be encoded and decoded without loss.
    #[error(transparent)]
    Schema(#[from] SchemaError),
    /// There are too many components, or a component has an invalid field.
    #[error(transparent)]
    Layout(#[from] LayoutError),
}

/// Declares an event.
pub(crate) fn declare<T: PeerMessage>(world: &mut World, handler: Handler) {
    let mut kinds = world.get_resource_or_init::<MessageKinds>();
    if let Err(error) = Arc::make_mut(&mut kinds.0).declare::<T>(handler) {
        panic!("cannot declare `{}`: {error}", std::any::type_name::<T>());
    }
}

/// Declares a component of replicated entities.
pub(crate) fn declare_component(world: &mut World, component: Component, schema: Schema) {
    let mut kinds = world.get_resource_or_init::<MessageKinds>();
    let name = component.name().to_owned();
    if let Err(error) = Arc::make_mut(&mut kinds.0).declare_component(component, schema) {
        panic!("cannot replicate the component \"{name}\": {error}");
    }
}
