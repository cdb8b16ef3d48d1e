//! The saved values of one registered type.

pub(super) mod access;
pub(super) mod component;
pub(super) mod resource;

use bevy::{ecs::entity::EntityHashMap, prelude::*};

use super::{dump::DumpRow, ids::RollbackId, positions::Positions, save::Save};

/// What kind of type is registered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum RegisteredKind {
    /// A component, including relationships such as [`ChildOf`].
    Component,
    /// A resource.
    Resource,
}

/// A type that the store saves. The list of all registered types is the same on all peers of a
/// match.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Registered {
    /// The full name of the type.
    pub name: &'static str,
    /// What kind of type it is.
    pub kind: RegisteredKind,
    /// Whether the type is part of checksums.
    pub compared: bool,
}

/// The saved values of one type, in numbered slots.
///
/// A load calls the methods in this order: [`reinsert`](Self::reinsert), then, if entities or
/// components differ, [`insert_missing`](Self::insert_missing) and
/// [`remove_surplus`](Self::remove_surplus), and finally [`write`](Self::write).
pub(super) trait Column: Send + Sync {
    fn registered(&self) -> Registered;

    /// Adds a slot that was never saved.
    fn add_slot(&mut self);

    /// Saves all values. `is_new_structure`: the structure of the save was not saved before.
    fn save(&mut self, world: &mut World, save: &Save, is_new_structure: bool);

    /// Inserts immutable values again if they differ. Returns `true` if there were any, because
    /// their hooks and observers may have changed the structure.
    fn reinsert(&mut self, world: &mut World, save: &Save, same_structure: bool) -> bool;

    /// Inserts the component into entities that had it.
    fn insert_missing(&mut self, world: &mut World, save: &Save);

    /// Removes the component from saved entities that did not have it.
    fn remove_surplus(&mut self, world: &mut World, save: &Save, saved: &Positions);

    /// Returns `true` if exactly the right entities have the component.
    fn is_restored(&mut self, world: &mut World, save: &Save, saved: &Positions) -> bool;

    /// Writes mutable values. `same_structure`: entities and rows are equal to the saved ones.
    fn write(&mut self, world: &mut World, save: &Save, same_structure: bool);

    /// Replaces entities that were spawned again, in all slots.
    fn replace(&mut self, entities: &mut EntityHashMap<Entity>);

    /// Returns the hash of all values, or `None` if the type is not compared.
    fn checksum(&mut self, save: &Save, ids: &EntityHashMap<RollbackId>) -> Option<u64>;

    /// Adds a row for each value to `rows`, until it has `limit` rows.
    fn dump(
        &mut self,
        save: &Save,
        ids: &EntityHashMap<RollbackId>,
        limit: usize,
        rows: &mut Vec<DumpRow>,
    );
}
