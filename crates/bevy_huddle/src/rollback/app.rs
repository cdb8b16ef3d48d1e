//! Registers what takes part in rollbacks.

use bevy::prelude::*;

use crate::rollback::{
    bounds::{RollbackComponent, RollbackResource},
    effects::{self, Effect},
    game::store::with_store,
    hooks::MatchHooks,
    messages,
    view::{self, RollbackView},
    world::{Access, StateHasher},
};

/// Registers the components, resources and effects that take part in rollbacks, on an [`App`].
///
/// Every player must register the same types in the same order. Players whose types differ do not start a
/// match, and [`MatchStartFailed`](crate::rollback::MatchStartFailed) names the difference.
pub trait RollbackAppExt {
    /// Saves and restores a component of all entities with [`Rollback`](crate::rollback::Rollback), and
    /// compares it between the players.
    fn rollback_component<T: RollbackComponent>(&mut self) -> &mut Self;

    /// Saves and restores a component like [`rollback_component`](Self::rollback_component), but does not
    /// compare it. Use it for values that may differ between the players, or that cannot be serialized.
    fn rollback_component_unchecked<T>(&mut self) -> &mut Self
    where
        T: Component<Mutability: Access<T>> + Clone;

    /// Saves and restores a component like [`rollback_component`](Self::rollback_component), and compares it by
    /// a hash function of your own. Use it for types without `Serialize`, or to compare only a part of a value.
    fn rollback_component_with_hash<T>(&mut self, hash: fn(&T, &mut StateHasher)) -> &mut Self
    where
        T: Component<Mutability: Access<T>> + Clone + PartialEq;

    /// Saves, restores and compares a resource. The start of each match resets it to its default.
    fn rollback_resource<T: RollbackResource>(&mut self) -> &mut Self;

    /// Makes a Bevy state part of the simulation. Do not initialize it with `init_state`.
    ///
    /// - Each match starts in the default state, and its [`OnEnter`] schedule runs after
    ///   [`RollbackStart`](crate::rollback::RollbackStart).
    /// - Set [`NextState`] in [`RollbackUpdate`](crate::rollback::RollbackUpdate). The transition comes at the
    ///   beginning of the next tick. [`OnExit`], [`OnTransition`] and [`OnEnter`] run in the simulation.
    /// - Rollback entities with [`DespawnOnExit`] or [`DespawnOnEnter`] are despawned in a way that a rollback
    ///   can undo.
    /// - A rollback restores the state without running these schedules.
    ///
    /// Computed states and sub-states of it are not supported.
    #[cfg(feature = "states")]
    fn rollback_state<S>(&mut self) -> &mut Self
    where
        S: bevy::state::state::FreelyMutableState + Default + serde::Serialize;

    /// Lets the systems of a tick write and read a type of messages. Do not add it with `add_message`.
    ///
    /// A message exists until the end of its tick, so the systems that read it run after those that write it.
    /// For what happens outside of the simulation, such as sounds, use
    /// [effects](crate::rollback::EffectWriter).
    fn rollback_message<M: Message>(&mut self) -> &mut Self;

    /// Registers a type of effects, which systems write with
    /// [`EffectWriter`](crate::rollback::EffectWriter).
    fn rollback_effect<E: Effect>(&mut self) -> &mut Self;

    /// Registers a type of effects of which two equal ones at most `ticks` ticks apart are the same. An effect
    /// that a rollback moves by a few ticks then neither stops nor starts again.
    fn rollback_effect_within<E: Effect>(&mut self, ticks: u32) -> &mut Self;

    /// Spawns an entity of its own, with [`RollbackView`](crate::rollback::RollbackView), for each rollback
    /// entity with `C`, and despawns it when that entity is gone. Its components are what the system `spawn`
    /// returns.
    ///
    /// Views are not part of the simulation, and no rollback touches them. Use them for what takes long to
    /// load, has an animation or moves smoothly, and keep rollback entities small.
    ///
    /// A `spawn` with more parameters returns `impl Bundle + use<>`, because the bundle must not borrow them.
    ///
    /// ```
    /// # use bevy::prelude::*;
    /// # use bevy_huddle::rollback::*;
    /// # #[derive(Component, Clone, PartialEq, serde::Serialize)]
    /// # struct Ship { x: f32 }
    /// fn ship_view(_: In<RollbackView<Ship>>) -> impl Bundle {
    ///     (Name::new("ship"), Transform::default())
    /// }
    ///
    /// fn move_views(ships: Query<&Ship>, mut views: Query<(&RollbackView<Ship>, &mut Transform)>) {
    ///     for (view, mut transform) in &mut views {
    ///         if let Ok(ship) = ships.get(view.entity) {
    ///             transform.translation.x = ship.x;
    ///         }
    ///     }
    /// }
    ///
    /// # fn add(app: &mut App) {
    /// app.rollback_component::<Ship>()
    ///     .rollback_view(ship_view)
    ///     .add_systems(Update, move_views);
    /// # }
    /// ```
    fn rollback_view<C, B, M>(
        &mut self,
        spawn: impl IntoSystem<In<RollbackView<C>>, B, M> + 'static,
    ) -> &mut Self
    where
        C: Component,
        B: Bundle;
}

impl RollbackAppExt for App {
    fn rollback_component<T: RollbackComponent>(&mut self) -> &mut Self {
        with_store(self.world_mut(), |store, _| {
            store.component::<T>();
        });
        self
    }

    fn rollback_component_unchecked<T>(&mut self) -> &mut Self
    where
        T: Component<Mutability: Access<T>> + Clone,
    {
        with_store(self.world_mut(), |store, _| {
            store.component_unchecked::<T>();
        });
        self
    }

    fn rollback_component_with_hash<T>(&mut self, hash: fn(&T, &mut StateHasher)) -> &mut Self
    where
        T: Component<Mutability: Access<T>> + Clone + PartialEq,
    {
        with_store(self.world_mut(), |store, _| {
            store.component_with_hash::<T>(hash);
        });
        self
    }

    fn rollback_resource<T: RollbackResource>(&mut self) -> &mut Self {
        let world = self.world_mut();
        world.init_resource::<T>();
        with_store(world, |store, _| {
            store.resource::<T>();
        });
        world
            .get_resource_or_init::<MatchHooks>()
            .reset
            .push(|world| world.insert_resource(T::default()));
        self
    }

    fn rollback_effect<E: Effect>(&mut self) -> &mut Self {
        self.rollback_effect_within::<E>(0)
    }

    fn rollback_effect_within<E: Effect>(&mut self, ticks: u32) -> &mut Self {
        effects::register::<E>(self.world_mut(), ticks);
        self
    }

    #[cfg(feature = "states")]
    fn rollback_state<S>(&mut self) -> &mut Self
    where
        S: bevy::state::state::FreelyMutableState + Default + serde::Serialize,
    {
        crate::rollback::state::register::<S>(self.world_mut());
        self
    }

    fn rollback_message<M: Message>(&mut self) -> &mut Self {
        messages::register::<M>(self.world_mut());
        self
    }

    fn rollback_view<C, B, M>(
        &mut self,
        spawn: impl IntoSystem<In<RollbackView<C>>, B, M> + 'static,
    ) -> &mut Self
    where
        C: Component,
        B: Bundle,
    {
        view::register::<C, B, M>(self, spawn);
        self
    }
}
