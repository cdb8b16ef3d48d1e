//! Relationships between rollback entities: their descendants, and the order of their lists.

use std::sync::Arc;

use bevy::{
    ecs::{
        component::ComponentId,
        entity::{EntityHashMap, EntityMapper},
        entity_disabling::Disabled,
        query::QueryState,
        relationship::{Relationship, RelationshipSourceCollection, RelationshipTarget},
    },
    prelude::*,
};

use super::ids::Rollback;

/// What hiding an entity needs of one relationship.
#[derive(Clone, Copy)]
struct RelationshipFns {
    relationship: ComponentId,
    target: ComponentId,
    /// Adds the sources that are despawned together with the entity.
    descendants: fn(&World, Entity, &mut Vec<Entity>),
    /// Removes the relationships between the entity and those that are not in the tree.
    detach: fn(&mut World, Entity, &[Entity]),
}

/// The registered relationships.
///
/// Others do not belong to the simulation, so they stay while an entity is hidden: a camera that
/// follows a ship still follows it after a rollback.
#[derive(Resource, Default, Clone)]
pub(super) struct RegisteredRelationships(Arc<Vec<RelationshipFns>>);

impl RegisteredRelationships {
    /// Adds a relationship to those of the world.
    pub(super) fn add<R: Relationship>(world: &mut World) {
        let relationship = world.register_component::<R>();
        let target = world.register_component::<R::RelationshipTarget>();
        let mut all = world.get_resource_or_init::<Self>();
        Arc::make_mut(&mut all.0).push(RelationshipFns {
            relationship,
            target,
            descendants: descendants::<R>,
            detach: detach::<R>,
        });
    }

    /// Returns `true` if an entity is part of any relationship. This is faster than to look at each.
    pub(super) fn include(&self, world: &World, entity: Entity) -> bool {
        world.get_entity(entity).is_ok_and(|entity| {
            let archetype = entity.archetype();
            self.0.iter().any(|relationship| {
                archetype.contains(relationship.relationship)
                    || archetype.contains(relationship.target)
            })
        })
    }

    /// Adds the linked sources of an entity to `descendants`.
    pub(super) fn descendants(&self, world: &World, entity: Entity, descendants: &mut Vec<Entity>) {
        for relationship in self.0.iter() {
            (relationship.descendants)(world, entity, descendants);
        }
    }

    /// Removes all relationships between an entity of the tree and those outside of it.
    pub(super) fn detach(&self, world: &mut World, entity: Entity, tree: &[Entity]) {
        for relationship in self.0.iter() {
            (relationship.detach)(world, entity, tree);
        }
    }
}

fn descendants<R: Relationship>(world: &World, entity: Entity, descendants: &mut Vec<Entity>) {
    if R::RelationshipTarget::LINKED_SPAWN
        && let Some(target) = world.get::<R::RelationshipTarget>(entity)
    {
        descendants.extend(target.iter());
    }
}

fn detach<R: Relationship>(world: &mut World, entity: Entity, tree: &[Entity]) {
    let mut detached = Vec::new();
    if let Some(relationship) = world.get::<R>(entity)
        && !tree.contains(&relationship.get())
    {
        detached.push(entity);
    }
    if let Some(target) = world.get::<R::RelationshipTarget>(entity) {
        detached.extend(target.iter().filter(|source| !tree.contains(source)));
    }
    for source in detached {
        if let Ok(mut source) = world.get_entity_mut(source) {
            source.remove::<R>();
        }
    }
}

/// The saved order of the lists of one relationship, such as `Children`.
///
/// The lists themselves follow from the relationship's components.
pub(super) trait ListOrder: Send + Sync {
    fn add_slot(&mut self);
    fn save(&mut self, world: &mut World, slot: usize);
    fn restore(&mut self, world: &mut World, slot: usize);
    fn replace(&mut self, entities: &mut EntityHashMap<Entity>);
}

/// The lists include sources that do not take part in rollbacks, which a load leaves where they are.
#[derive(Default)]
struct Slot {
    /// Each list's target and length.
    lists: Vec<(Entity, usize)>,
    sources: Vec<Entity>,
}

pub(super) struct RelationshipOrder<R: Relationship> {
    query:
        Option<QueryState<(Entity, &'static R::RelationshipTarget, Has<Disabled>), With<Rollback>>>,
    slots: Vec<Slot>,
    /// A whole list. Kept to reuse the allocation.
    list: Vec<Entity>,
}

impl<R: Relationship> Default for RelationshipOrder<R> {
    fn default() -> Self {
        Self {
            query: None,
            slots: Vec::new(),
            list: Vec::new(),
        }
    }
}

impl<R: Relationship> RelationshipOrder<R> {
    /// Returns `true` if all lists are the saved ones, in the same rows.
    fn is_restored(&mut self, world: &mut World, slot: usize) -> bool {
        let query = self.query.get_or_insert_with(|| QueryState::new(world));
        let Slot { lists, sources } = &self.slots[slot];
        let mut lists = lists.iter();
        let mut sources = sources.as_slice();
        let mut current = query.iter(world).filter(|(_, target, _)| target.len() >= 2);
        let are_same = current.all(|(entity, target, _)| {
            if lists.next() != Some(&(entity, target.len())) {
                return false;
            }
            let (saved, rest) = sources.split_at(target.len());
            sources = rest;
            target.iter().eq(saved.iter().copied())
        });
        are_same && lists.next().is_none()
    }
}

/// Puts the sources of a list into their saved order. Those that do not take part in rollbacks keep
/// their places.
fn put_in_order(world: &World, list: &mut [Entity], saved: &[Entity]) {
    let mut next = rollback_sources(world, saved);
    for source in list {
        if is_rollback(world, *source)
            && saved.contains(source)
            && let Some(saved) = next.next()
        {
            *source = saved;
        }
    }
}

fn rollback_sources<'a>(
    world: &'a World,
    sources: &'a [Entity],
) -> impl Iterator<Item = Entity> + 'a {
    let sources = sources.iter().copied();
    sources.filter(|&source| is_rollback(world, source))
}

fn is_rollback(world: &World, entity: Entity) -> bool {
    world.get::<Rollback>(entity).is_some()
}

impl<R: Relationship> ListOrder for RelationshipOrder<R> {
    fn add_slot(&mut self) {
        self.slots.push(Slot::default());
    }

    fn save(&mut self, world: &mut World, slot: usize) {
        let query = self.query.get_or_insert_with(|| QueryState::new(world));
        let Slot { lists, sources } = &mut self.slots[slot];
        lists.clear();
        sources.clear();
        for (entity, target, _) in query.iter(world) {
            // A list of one has no order.
            if target.len() < 2 {
                continue;
            }
            sources.extend(target.iter());
            lists.push((entity, target.len()));
        }
    }

    fn restore(&mut self, world: &mut World, slot: usize) {
        if self.is_restored(world, slot) {
            return;
        }
        let Slot { lists, sources } = &self.slots[slot];
        let mut sources = sources.as_slice();
        for &(entity, len) in lists {
            let (saved, rest) = sources.split_at(len);
            sources = rest;
            let Some(target) = world.get::<R::RelationshipTarget>(entity) else {
                continue;
            };
            if target
                .iter()
                .filter(|&source| is_rollback(world, source))
                .eq(rollback_sources(world, saved))
            {
                continue;
            }
            self.list.clear();
            self.list.extend(target.iter());
            put_in_order(world, &mut self.list, saved);
            if let Some(mut target) = world.get_mut::<R::RelationshipTarget>(entity) {
                let collection = target.collection_mut_risky();
                collection.clear();
                for &source in &self.list {
                    collection.add(source);
                }
            }
        }
    }

    fn replace(&mut self, entities: &mut EntityHashMap<Entity>) {
        for slot in &mut self.slots {
            for (entity, _) in &mut slot.lists {
                *entity = entities.get_mapped(*entity);
            }
            for source in &mut slot.sources {
                *source = entities.get_mapped(*source);
            }
        }
    }
}
