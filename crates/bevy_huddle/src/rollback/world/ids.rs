//! Counted ids of rollback entities, and the index from id to entity.

use bevy::{
    ecs::{lifecycle::HookContext, world::DeferredWorld},
    prelude::*,
};
use log::warn;
use serde::{Deserialize, Serialize};

/// Marks an entity whose registered components are saved and restored by a rollback.
///
/// Insert it when you spawn the entity, in the simulation. The entity gets the next [`RollbackId`].
/// Ids follow the order of the commands, so they are the same on every peer if that order is.
///
/// ```
/// # use bevy::prelude::*;
/// # use bevy_huddle::rollback::world::Rollback;
/// # #[derive(Component)]
/// # struct Ship;
/// fn spawn_ship(mut commands: Commands) {
///     commands.spawn((Ship, Rollback));
/// }
/// ```
#[derive(Component, Reflect, Debug, Default, Clone, Copy)]
#[reflect(Component, Default)]
#[require(RollbackId)]
#[component(on_add = assign_id)]
pub struct Rollback;

/// The number of a rollback entity: the same on every peer, and never used twice in a match.
///
/// An [`Entity`] differs between peers, and changes if a rollback spawns the entity again. Store a
/// `RollbackId` where you refer to a rollback entity outside of registered components. Look it up
/// with [`RollbackIds::entity`].
#[derive(
    Component,
    Reflect,
    Debug,
    Clone,
    Copy,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Hash,
    Serialize,
    Deserialize,
)]
#[reflect(Component)]
#[component(on_remove = forget_id, clone_behavior = Ignore)]
pub struct RollbackId(u64);

impl RollbackId {
    /// The id of no entity.
    pub const NONE: Self = Self(u64::MAX);

    /// Returns the number. The first entity of a match has number 0.
    pub const fn get(self) -> u64 {
        self.0
    }
}

impl Default for RollbackId {
    fn default() -> Self {
        Self::NONE
    }
}

#[derive(Reflect, Debug, Clone, Copy, PartialEq, Eq)]
enum Existence {
    Living,
    /// Has a tombstone. A rollback can revive the entity.
    Hidden,
    Gone,
}

#[derive(Reflect, Debug, Clone, Copy)]
struct Entry {
    id: RollbackId,
    entity: Entity,
    existence: Existence,
}

/// The next id, and the entity of each id.
///
/// The index is sorted by id. Its length is bounded by the number of existing entities, not by the
/// length of the match.
#[derive(Resource, Reflect, Debug, Default)]
#[reflect(Resource, Default)]
pub struct RollbackIds {
    next: u64,
    entries: Vec<Entry>,
    gone: usize,
    version: u64,
    /// The number of matches whose entities are gone.
    match_count: u64,
    /// Whether the log has warned of an entity outside of the simulation.
    has_warned: bool,
}

/// The number of stale entries that are kept before the index is compacted.
const MIN_GONE: usize = 64;

impl RollbackIds {
    /// Returns the entity with this id, unless it was despawned.
    pub fn entity(&self, id: RollbackId) -> Option<Entity> {
        self.find(id)
            .filter(|entry| entry.existence == Existence::Living)
            .map(|entry| entry.entity)
    }

    /// Returns all entities that are not despawned, in the order of their ids.
    pub fn iter(&self) -> impl Iterator<Item = (RollbackId, Entity)> + '_ {
        self.entries
            .iter()
            .filter(|entry| entry.existence == Existence::Living)
            .map(|entry| (entry.id, entry.entity))
    }

    /// Returns the number that the next rollback entity gets.
    pub fn next(&self) -> u64 {
        self.next
    }

    /// Changes whenever [`iter`](Self::iter) returns something else.
    pub(super) fn version(&self) -> u64 {
        self.version
    }

    /// Changes when a match ends, after which the first id is used again.
    pub(crate) fn match_count(&self) -> u64 {
        self.match_count
    }

    pub(super) fn end_match(&mut self) {
        self.next = 0;
        self.match_count += 1;
    }

    pub(super) fn set_next(&mut self, next: u64) {
        self.next = next;
    }

    /// Returns the entity even if it is hidden.
    pub(super) fn existing(&self, id: RollbackId) -> Option<Entity> {
        self.find(id)
            .filter(|entry| entry.existence != Existence::Gone)
            .map(|entry| entry.entity)
    }

    /// Returns all existing entities, including hidden ones, in the order of their ids.
    pub(super) fn all_existing(&self) -> impl Iterator<Item = (RollbackId, Entity)> + '_ {
        self.entries
            .iter()
            .filter(|entry| entry.existence != Existence::Gone)
            .map(|entry| (entry.id, entry.entity))
    }

    /// Returns `true` if an entity exists, possibly hidden, whose id is not below `next`.
    pub(super) fn has_later(&self, next: u64) -> bool {
        let mut latest = self.entries.iter().rev();
        latest
            .find(|entry| entry.existence != Existence::Gone)
            .is_some_and(|entry| entry.id.0 >= next)
    }

    #[cfg(test)]
    pub(super) fn len_with_gone(&self) -> usize {
        self.entries.len()
    }

    fn find(&self, id: RollbackId) -> Option<&Entry> {
        self.position(id).ok().map(|index| &self.entries[index])
    }

    /// Returns the index of the entry, or where it belongs.
    fn position(&self, id: RollbackId) -> Result<usize, usize> {
        // Often, no id is missing between this one and the first.
        let first = self.entries.first().map_or(0, |first| first.id.0);
        let guess = id.0.wrapping_sub(first) as usize;
        if self.entries.get(guess).is_some_and(|entry| entry.id == id) {
            return Ok(guess);
        }
        self.entries.binary_search_by_key(&id, |entry| entry.id)
    }

    fn take_next(&mut self) -> RollbackId {
        let id = RollbackId(self.next);
        self.next += 1;
        id
    }

    fn insert(&mut self, id: RollbackId, entity: Entity) {
        self.version += 1;
        self.next = self.next.max(id.0 + 1);
        let entry = Entry {
            id,
            entity,
            existence: Existence::Living,
        };
        // New ids are the highest.
        if self.entries.last().is_none_or(|last| last.id < id) {
            self.entries.push(entry);
            return;
        }
        match self.position(id) {
            Ok(index) => {
                self.gone -= usize::from(self.entries[index].existence == Existence::Gone);
                self.entries[index] = entry;
            }
            Err(index) => self.entries.insert(index, entry),
        }
    }

    fn set_existence(&mut self, id: RollbackId, entity: Entity, existence: Existence) {
        let Ok(index) = self.position(id) else {
            return;
        };
        let entry = &mut self.entries[index];
        if entry.entity != entity || entry.existence == Existence::Gone {
            return;
        }
        entry.existence = existence;
        self.version += 1;
        if existence == Existence::Gone {
            self.gone += 1;
            if self.gone > MIN_GONE.max(self.entries.len() / 2) {
                self.entries
                    .retain(|entry| entry.existence != Existence::Gone);
                self.gone = 0;
            }
        }
    }

    #[cfg(test)]
    pub(crate) fn has_warned(&self) -> bool {
        self.has_warned
    }

    pub(super) fn set_hidden(&mut self, id: RollbackId, entity: Entity, hidden: bool) {
        let existence = if hidden {
            Existence::Hidden
        } else {
            Existence::Living
        };
        self.set_existence(id, entity, existence);
    }
}

/// Whether the simulation is running. Set it to find entities that get [`Rollback`] outside of the simulation:
/// the log then warns of the first one. Without this resource, it does not.
#[derive(Resource, Debug, Default, Clone, Copy, PartialEq, Eq)]
pub struct InSimulation(pub bool);

fn assign_id(mut world: DeferredWorld, context: HookContext) {
    let entity = context.entity;
    let current = world.get::<RollbackId>(entity).copied().unwrap_or_default();
    let is_outside = world.get_resource::<InSimulation>() == Some(&InSimulation(false));
    let Some(mut ids) = world.get_resource_mut::<RollbackIds>() else {
        warn!("{entity} does not take part in rollbacks, because the world has no `WorldStore`");
        return;
    };
    let id = if current == RollbackId::NONE {
        if is_outside && !std::mem::replace(&mut ids.has_warned, true) {
            warn!(
                "{entity} got `Rollback` outside of the simulation, so the players' worlds differ: spawn it in \
                 `RollbackStart` or `RollbackUpdate`"
            );
        }
        ids.take_next()
    } else {
        current
    };
    ids.insert(id, entity);
    if let Some(mut component) = world.get_mut::<RollbackId>(entity) {
        *component = id;
    }
}

fn forget_id(mut world: DeferredWorld, context: HookContext) {
    let Some(&id) = world.get::<RollbackId>(context.entity) else {
        return;
    };
    if let Some(mut ids) = world.get_resource_mut::<RollbackIds>() {
        ids.set_existence(id, context.entity, Existence::Gone);
    }
}
