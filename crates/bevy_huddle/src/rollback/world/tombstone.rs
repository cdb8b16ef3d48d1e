//! Despawns that a rollback can undo.

use bevy::{
    ecs::{
        component::ComponentId, lifecycle::HookContext, relationship::RelationshipAccessor,
        world::DeferredWorld,
    },
    prelude::*,
};
use huddle_session::Tick;

use super::{
    ids::{Rollback, RollbackId, RollbackIds},
    relationship::LinkedRelationships,
};

/// The tick that is being simulated. Set it before each tick; tombstones contain it.
#[derive(Resource, Debug, Default, Clone, Copy, PartialEq, Eq)]
pub struct SimulatedTick(pub Tick);

/// Marks an entity that was despawned in a tick that a rollback may still undo.
///
/// Queries do not return the entity unless they mention `Tombstone`, for example with
/// `Allow<Tombstone>`. The entity is despawned for good when no rollback can revive it.
#[derive(Component, Reflect, Debug, Clone, Copy)]
#[component(on_insert = hide_id, on_remove = show_id, clone_behavior = Ignore)]
pub struct Tombstone {
    #[reflect(ignore)]
    tick: Tick,
}

impl Tombstone {
    /// Returns the tick whose simulation despawned the entity.
    pub const fn tick(&self) -> Tick {
        self.tick
    }
}

fn hide_id(world: DeferredWorld, context: HookContext) {
    set_hidden(world, context.entity, true);
}

fn show_id(world: DeferredWorld, context: HookContext) {
    set_hidden(world, context.entity, false);
}

fn set_hidden(mut world: DeferredWorld, entity: Entity, hidden: bool) {
    if let Some(&id) = world.get::<RollbackId>(entity)
        && let Some(mut ids) = world.get_resource_mut::<RollbackIds>()
    {
        ids.set_hidden(id, entity, hidden);
    }
}

/// Hides an entity and its linked descendants, such as children.
pub(super) fn hide(world: &mut World, root: Entity, tick: Tick) {
    let links = world.get_resource_or_init::<LinkedRelationships>().clone();
    let mut tree = vec![root];
    let mut next = 0;
    while let Some(&entity) = tree.get(next) {
        links.descendants(world, entity, &mut tree);
        next += 1;
    }
    for &entity in &tree {
        remove_relationships(world, entity, entity == root);
    }
    for &entity in &tree {
        if let Ok(mut entity) = world.get_entity_mut(entity) {
            entity.insert(Tombstone { tick });
        }
    }
}

/// Removes relationships, so that the rest of the simulation no longer finds the entity through
/// them. Descendants keep the link to their parent.
fn remove_relationships(world: &mut World, entity: Entity, is_root: bool) {
    let Ok(entity_ref) = world.get_entity(entity) else {
        return;
    };
    let removed: Vec<ComponentId> = entity_ref
        .archetype()
        .iter_components()
        .filter(|&id| {
            let info = world.components().get_info(id);
            match info.and_then(|info| info.relationship_accessor()) {
                Some(RelationshipAccessor::Relationship { linked_spawn, .. }) => {
                    is_root || !linked_spawn
                }
                Some(RelationshipAccessor::RelationshipTarget { linked_spawn, .. }) => {
                    !linked_spawn
                }
                None => false,
            }
        })
        .collect();
    for id in removed {
        if let Ok(mut entity) = world.get_entity_mut(entity) {
            entity.remove_by_id(id);
        }
    }
}

/// Brings a hidden entity back, with its descendants that do not take part in rollbacks. Those that
/// do are revived one by one.
pub(super) fn revive(world: &mut World, root: Entity) {
    let links = world.get_resource_or_init::<LinkedRelationships>().clone();
    let mut tree = vec![root];
    let mut next = 0;
    while let Some(&entity) = tree.get(next) {
        let start = tree.len();
        links.descendants(world, entity, &mut tree);
        let mut index = start;
        while let Some(&descendant) = tree.get(index) {
            if world.get::<Rollback>(descendant).is_some() {
                tree.swap_remove(index);
            } else {
                index += 1;
            }
        }
        next += 1;
    }
    for entity in tree {
        if let Ok(mut entity) = world.get_entity_mut(entity) {
            entity.remove::<Tombstone>();
        }
    }
}
