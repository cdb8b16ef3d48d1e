//! Despawns that a rollback can undo.

use bevy::{
    ecs::{lifecycle::HookContext, world::DeferredWorld},
    prelude::*,
};
use huddle_session::Tick;

use super::{
    ids::{Rollback, RollbackId, RollbackIds},
    relationship::RegisteredRelationships,
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
///
/// Relationships to entities outside of this tree are removed, so that the simulation no longer
/// finds the hidden ones through them.
pub(super) fn hide(world: &mut World, root: Entity, tick: Tick) {
    let relationships = relationships(world);
    if !relationships.include(world, root) {
        insert_tombstone(world, root, tick);
        return;
    }
    let mut tree = vec![root];
    let mut next = 0;
    while let Some(&entity) = tree.get(next) {
        relationships.descendants(world, entity, &mut tree);
        next += 1;
    }
    for &entity in &tree {
        relationships.detach(world, entity, &tree);
    }
    for &entity in &tree {
        insert_tombstone(world, entity, tick);
    }
}

fn insert_tombstone(world: &mut World, entity: Entity, tick: Tick) {
    if let Ok(mut entity) = world.get_entity_mut(entity) {
        entity.insert(Tombstone { tick });
    }
}

/// Brings a hidden entity back, with its descendants that do not take part in rollbacks. Those that
/// do are revived one by one.
pub(super) fn revive(world: &mut World, root: Entity) {
    let relationships = relationships(world);
    if !relationships.include(world, root) {
        remove_tombstone(world, root);
        return;
    }
    let mut tree = Vec::new();
    local_descendants(world, &relationships, root, &mut tree);
    let mut next = 0;
    while let Some(&entity) = tree.get(next) {
        local_descendants(world, &relationships, entity, &mut tree);
        next += 1;
    }
    remove_tombstone(world, root);
    for entity in tree {
        remove_tombstone(world, entity);
    }
}

/// Adds the linked sources of an entity that do not take part in rollbacks.
fn local_descendants(
    world: &World,
    relationships: &RegisteredRelationships,
    entity: Entity,
    tree: &mut Vec<Entity>,
) {
    let start = tree.len();
    relationships.descendants(world, entity, tree);
    let mut index = start;
    while let Some(&entity) = tree.get(index) {
        if world.get::<Rollback>(entity).is_some() {
            tree.remove(index);
        } else {
            index += 1;
        }
    }
}

fn remove_tombstone(world: &mut World, entity: Entity) {
    if let Ok(mut entity) = world.get_entity_mut(entity) {
        entity.remove::<Tombstone>();
    }
}

fn relationships(world: &World) -> RegisteredRelationships {
    world
        .get_resource::<RegisteredRelationships>()
        .cloned()
        .unwrap_or_default()
}
