//! Finds components that the simulation changes although they are not registered.

use bevy::{
    ecs::{
        change_detection::Tick as ChangeTick, component::ComponentId,
        relationship::RelationshipAccessor,
    },
    prelude::*,
};
use huddle_session::Tick;

use crate::rollback::{
    game::store::with_store,
    tools::problem::{SimulationProblem, note_problem},
    world::{Rollback, RollbackId, WorldStore},
};

/// Watches the simulation of a tick.
pub(crate) struct Watch {
    since: ChangeTick,
}

impl Watch {
    /// The simulation of a tick begins.
    pub(crate) fn begin(world: &mut World) -> Self {
        Self {
            since: world.increment_change_tick(),
        }
    }

    /// The simulation of a tick has ended.
    pub(crate) fn finish(self, world: &mut World, tick: Tick) {
        let changed = with_store(world, |store, world| self.changed(store, world));
        for (component, entity) in changed {
            note_problem(
                world,
                SimulationProblem::UnregisteredComponent {
                    component,
                    entity,
                    tick,
                },
            );
        }
    }

    /// Returns the names of the changed components, each with the first entity.
    ///
    /// A component that was inserted does not count: a tick may spawn an entity together with its sprite.
    fn changed(&self, store: &WorldStore, world: &mut World) -> Vec<(String, RollbackId)> {
        let now = world.change_tick();
        let marker = world.register_component::<Rollback>();
        let mut found = Vec::new();
        for archetype in world.archetypes().iter() {
            if !archetype.contains(marker) {
                continue;
            }
            for &component in archetype.components() {
                if is_ignored(store, world, component) {
                    continue;
                }
                let changed = archetype.entities().iter().find_map(|row| {
                    let entity = world.get_entity(row.id()).ok()?;
                    let ticks = entity.get_change_ticks_by_id(component)?;
                    let is_changed =
                        ticks.is_changed(self.since, now) && !ticks.is_added(self.since, now);
                    entity.get::<RollbackId>().copied().filter(|_| is_changed)
                });
                let name = world.components().get_name(component);
                found.extend(name.map(|name| name.to_string()).zip(changed));
            }
        }
        found
    }
}

/// Returns whether a component is restored by a rollback, or belongs to the store.
fn is_ignored(store: &WorldStore, world: &World, component: ComponentId) -> bool {
    let Some(info) = world.components().get_info(component) else {
        return true;
    };
    // Lists of related entities follow from the relationships.
    let is_list = matches!(
        info.relationship_accessor(),
        Some(RelationshipAccessor::RelationshipTarget { .. })
    );
    let is_known = |id| store.is_registered(id) || store.is_own(id);
    is_list || info.type_id().is_some_and(is_known)
}
