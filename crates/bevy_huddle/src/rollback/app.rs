//! Registers what takes part in rollbacks.

use bevy::{ecs::component::Mutable, prelude::*};
use serde::Serialize;

use crate::rollback::{
    effects::{self, Effect},
    game::store::with_store,
    world::Access,
};

/// Registers the components, resources and effects that take part in rollbacks, on an [`App`].
///
/// Every player must register the same types in the same order. Players whose types differ do not start a
/// match, and [`MatchStartFailed`](crate::rollback::MatchStartFailed) names the difference.
pub trait RollbackAppExt {
    /// Saves and restores a component of all entities with [`Rollback`](crate::rollback::Rollback), and
    /// compares it between the players.
    fn rollback_component<T>(&mut self) -> &mut Self
    where
        T: Component + Clone + PartialEq + Serialize,
        T::Mutability: Access<T>;

    /// Saves and restores a component like [`rollback_component`](Self::rollback_component), but does not
    /// compare it. Use it for values that may differ between the players, or that cannot be serialized.
    fn rollback_component_unchecked<T>(&mut self) -> &mut Self
    where
        T: Component + Clone,
        T::Mutability: Access<T>;

    /// Saves, restores and compares a resource. The start of each match resets it to its default.
    fn rollback_resource<T>(&mut self) -> &mut Self
    where
        T: Resource<Mutability = Mutable> + Clone + Default + PartialEq + Serialize;

    /// Registers a type of effects, which systems write with
    /// [`EffectWriter`](crate::rollback::EffectWriter).
    fn rollback_effect<E: Effect>(&mut self) -> &mut Self;
}

/// Resets the registered resources when a match starts.
#[derive(Resource, Default)]
pub(crate) struct ResourceResets(pub(crate) Vec<fn(&mut World)>);

impl RollbackAppExt for App {
    fn rollback_component<T>(&mut self) -> &mut Self
    where
        T: Component + Clone + PartialEq + Serialize,
        T::Mutability: Access<T>,
    {
        with_store(self.world_mut(), |store, _| {
            store.component::<T>();
        });
        self
    }

    fn rollback_component_unchecked<T>(&mut self) -> &mut Self
    where
        T: Component + Clone,
        T::Mutability: Access<T>,
    {
        with_store(self.world_mut(), |store, _| {
            store.component_unchecked::<T>();
        });
        self
    }

    fn rollback_resource<T>(&mut self) -> &mut Self
    where
        T: Resource<Mutability = Mutable> + Clone + Default + PartialEq + Serialize,
    {
        let world = self.world_mut();
        world.init_resource::<T>();
        with_store(world, |store, _| {
            store.resource::<T>();
        });
        world
            .get_resource_or_init::<ResourceResets>()
            .0
            .push(|world| world.insert_resource(T::default()));
        self
    }

    fn rollback_effect<E: Effect>(&mut self) -> &mut Self {
        effects::register::<E>(self.world_mut());
        self
    }
}
