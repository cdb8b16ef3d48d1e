//! Entities that show rollback entities.

use std::{collections::BTreeMap, marker::PhantomData};

use bevy::{
    app::{RunFixedMainLoop, RunFixedMainLoopSystems},
    ecs::{query::QueryState, system::BoxedSystem},
    prelude::*,
};

use crate::rollback::{
    schedule::RollbackSystems,
    world::{RollbackId, RollbackIds},
};

/// Shows a rollback entity. It is a component of an entity of its own, which no rollback touches. See
/// [`rollback_view`](crate::rollback::RollbackAppExt::rollback_view).
#[derive(Component)]
pub struct RollbackView<C: Component> {
    /// The id of the entity that is shown.
    pub id: RollbackId,
    /// The entity that is shown. It changes if a rollback spawns that entity again.
    pub entity: Entity,
    marker: PhantomData<fn() -> C>,
}

impl<C: Component> Clone for RollbackView<C> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<C: Component> Copy for RollbackView<C> {}

impl<C: Component> std::fmt::Debug for RollbackView<C> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("RollbackView")
            .field("id", &self.id)
            .field("entity", &self.entity)
            .finish()
    }
}

/// Keeps a view of each rollback entity with `C`.
pub(crate) fn register<C, B, M>(app: &mut App, spawn: impl IntoSystem<In<RollbackView<C>>, B, M>)
where
    C: Component,
    B: Bundle,
{
    let world = app.world_mut();
    let mut spawn: BoxedSystem<In<RollbackView<C>>, B> = Box::new(IntoSystem::into_system(spawn));
    spawn.initialize(world);
    let mut views = Views::<C, B> {
        spawn,
        shown: QueryState::new(world),
        views: BTreeMap::new(),
        living: Vec::new(),
        match_count: 0,
    };
    app.add_systems(
        RunFixedMainLoop,
        (move |world: &mut World| views.update(world))
            .in_set(RollbackSystems::Views)
            .after(RollbackSystems::Step)
            .in_set(RunFixedMainLoopSystems::AfterFixedMainLoop),
    );
}

struct Views<C: Component, B: Bundle> {
    /// Returns the components of a view.
    spawn: BoxedSystem<In<RollbackView<C>>, B>,
    shown: QueryState<(&'static RollbackId, Entity), With<C>>,
    views: BTreeMap<RollbackId, Entity>,
    /// Reused memory.
    living: Vec<(RollbackId, Entity)>,
    /// The match that the views belong to.
    match_count: u64,
}

impl<C: Component, B: Bundle> Views<C, B> {
    fn update(&mut self, world: &mut World) {
        self.living.clear();
        let shown = self.shown.iter(world);
        self.living.extend(shown.map(|(&id, entity)| (id, entity)));
        self.living.sort_unstable();
        let match_count = world.resource::<RollbackIds>().match_count();
        let is_other_match = self.match_count != match_count;
        self.match_count = match_count;
        let living = &self.living;
        self.views.retain(|id, &mut view| {
            let is_living = living.binary_search_by_key(id, |&(id, _)| id).is_ok();
            let is_kept = is_living && !is_other_match;
            if !is_kept && let Ok(view) = world.get_entity_mut(view) {
                view.despawn();
            }
            is_kept
        });
        for &(id, entity) in &self.living {
            if let Some(&view) = self.views.get(&id) {
                if let Some(mut view) = world.get_mut::<RollbackView<C>>(view)
                    && view.entity != entity
                {
                    view.entity = entity;
                }
                continue;
            }
            let view = RollbackView {
                id,
                entity,
                marker: PhantomData,
            };
            match self.spawn.run(view, world) {
                Ok(bundle) => {
                    self.views.insert(id, world.spawn((view, bundle)).id());
                }
                Err(error) => log::warn!("a view cannot be spawned: {error}"),
            }
        }
    }
}
