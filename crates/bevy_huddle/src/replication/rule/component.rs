//! The rule of a component, whose type is erased.

use std::{any::TypeId, sync::Arc};

use bevy::{
    ecs::component::{Immutable, Mutable},
    prelude::*,
    scene::ResolvedScene,
};
use huddle_session::{
    Schema,
    codec::{DecodeError, EncodeError},
};

use crate::replication::{
    codec::{ValueBuffer, ValueCodec},
    playout::{Interpolation, Sample},
    scene::Ready,
};

/// A component that can be replicated.
///
/// It is implemented for all components that can be cloned.
pub trait ReplicatedComponent: Component<Mutability: Assign<Self>> + Clone {}

impl<T: Component<Mutability: Assign<T>> + Clone> ReplicatedComponent for T {}

/// How a component changes. You cannot implement it: it is implemented for Bevy's two kinds of
/// mutability.
pub trait Assign<T>: sealed::Sealed {
    #[doc(hidden)]
    fn assign(entity: &mut EntityWorldMut, value: T);
}

mod sealed {
    pub trait Sealed {}
    impl Sealed for super::Mutable {}
    impl Sealed for super::Immutable {}
}

impl<T: Component<Mutability = Mutable>> Assign<T> for Mutable {
    fn assign(entity: &mut EntityWorldMut, value: T) {
        match entity.get_mut::<T>() {
            Some(mut component) => *component = value,
            None => drop(entity.insert(value)),
        }
    }
}

impl<T: Component<Mutability = Immutable>> Assign<T> for Immutable {
    fn assign(entity: &mut EntityWorldMut, value: T) {
        entity.insert(value);
    }
}

/// Encodes the component of entities, and changes it to received values.
pub(crate) trait ComponentRule: Send + Sync + 'static {
    /// Returns the name of the component on the network.
    fn name(&self) -> &'static str;

    /// Returns the component type in the layout of a room.
    fn component(&self) -> huddle_snapshot::Component;

    fn schema(&self) -> Schema;

    /// Returns `true` if the values are [large](huddle_snapshot::content).
    fn is_large(&self) -> bool;

    /// Encodes the component of an entity into `out`. Returns `false` if the entity does not have it.
    fn encode(&self, entity: EntityRef, out: &mut ValueBuffer) -> Result<bool, EncodeError>;

    /// Adds the component with a received value to the components that are inserted together.
    fn add_to(
        &self,
        scene: &mut ResolvedScene,
        entity: EntityRef,
        value: &ValueBuffer,
        sample: &Sample,
    ) -> Result<(), DecodeError>;

    /// Sets the component, which the entity has, to a received value.
    fn set(
        &self,
        entity: &mut EntityWorldMut,
        value: &ValueBuffer,
        sample: &Sample,
    ) -> Result<(), DecodeError>;

    /// Returns `true` if the component is a relationship, which needs the entity that it refers to.
    fn is_relationship(&self) -> bool;

    /// Returns `true` if the component is [`ChildOf`].
    fn is_hierarchy(&self) -> bool;

    /// Returns `true` if the entity has the component.
    fn is_on(&self, entity: EntityRef) -> bool;

    fn remove(&self, entity: &mut EntityWorldMut);
}

/// The rule of `T`.
pub(crate) struct TypedRule<T> {
    name: &'static str,
    pub(crate) codec: Arc<dyn ValueCodec<T>>,
    pub(crate) interpolation: Option<Arc<dyn Interpolation<T>>>,
    pub(super) max_hz: Option<f32>,
}

impl<T> TypedRule<T> {
    pub(super) fn new(name: &'static str, codec: Arc<dyn ValueCodec<T>>) -> Self {
        Self {
            name,
            codec,
            interpolation: None,
            max_hz: None,
        }
    }
}

impl<T: ReplicatedComponent> ComponentRule for TypedRule<T> {
    fn name(&self) -> &'static str {
        self.name
    }

    fn component(&self) -> huddle_snapshot::Component {
        let component = huddle_snapshot::Component::new(self.name, self.codec.shape());
        match self.max_hz {
            Some(hz) => component.with_max_hz(hz),
            None => component,
        }
    }

    fn schema(&self) -> Schema {
        self.codec.schema()
    }

    fn is_large(&self) -> bool {
        self.codec.is_large()
    }

    fn encode(&self, entity: EntityRef, out: &mut ValueBuffer) -> Result<bool, EncodeError> {
        match entity.get::<T>() {
            Some(component) => self.codec.encode(component, out).map(|()| true),
            None => Ok(false),
        }
    }

    fn add_to(
        &self,
        scene: &mut ResolvedScene,
        entity: EntityRef,
        value: &ValueBuffer,
        sample: &Sample,
    ) -> Result<(), DecodeError> {
        let component = self.codec.decode(value, entity.get::<T>())?;
        if let Some(interpolation) = &self.interpolation {
            interpolation.add_to(scene, &component, sample);
        }
        scene.push_template(Ready(component));
        Ok(())
    }

    fn set(
        &self,
        entity: &mut EntityWorldMut,
        value: &ValueBuffer,
        sample: &Sample,
    ) -> Result<(), DecodeError> {
        let component = self.codec.decode(value, entity.get::<T>())?;
        if let Some(interpolation) = &self.interpolation {
            interpolation.push(entity, &component, sample);
        }
        <T::Mutability as Assign<T>>::assign(entity, component);
        Ok(())
    }

    fn is_relationship(&self) -> bool {
        T::relationship_accessor().is_some()
    }

    fn is_hierarchy(&self) -> bool {
        TypeId::of::<T>() == TypeId::of::<ChildOf>()
    }

    fn is_on(&self, entity: EntityRef) -> bool {
        entity.contains::<T>()
    }

    fn remove(&self, entity: &mut EntityWorldMut) {
        entity.remove::<T>();
    }
}
