//! A 64-bit hash of simulated values that is the same on every machine.

mod mixer;
mod serializer;

use bevy::{
    ecs::entity::{EntityHashMap, EntityMapper},
    prelude::*,
};
use serde::Serialize;

use super::ids::RollbackId;
pub(super) use mixer::mix;
use mixer::{ExactMixer, Mix, Mixer};
use serializer::{NotSerializable, ValueHasher};

/// Hashes a value for a checksum, without writing bytes.
///
/// Two rules make the hash independent of the machine:
///
/// - All NaN values are equal, because their bits differ between processors.
/// - `-0.0` equals `0.0`, as it does for `PartialEq`. `f32::min` and `f32::max` may return either.
///
/// Maps are hashed independently of their order. Sets are not, because `serde` does not distinguish
/// them from lists: use a `BTreeSet`, not a `HashSet`.
///
/// A hash function of your own receives a `StateHasher`:
///
/// ```
/// # use bevy_huddle::rollback::world::StateHasher;
/// struct Terrain {
///     heights: Vec<f32>,
///     mesh: Vec<[f32; 3]>, // follows from the heights
/// }
///
/// fn hash_terrain(terrain: &Terrain, hasher: &mut StateHasher) {
///     hasher.value(&terrain.heights);
/// }
/// ```
pub struct StateHasher<'a> {
    values: ValueHasher<Mixer>,
    ids: &'a EntityHashMap<RollbackId>,
}

impl<'a> StateHasher<'a> {
    pub(super) fn new(ids: &'a EntityHashMap<RollbackId>) -> Self {
        Self {
            values: ValueHasher::default(),
            ids,
        }
    }

    pub(super) fn finish(&self) -> u64 {
        self.values.mixer.finish()
    }

    /// Adds a number.
    pub fn number(&mut self, number: u64) {
        self.values.mixer.add(number);
    }

    /// Adds a value.
    ///
    /// [`Entity`] values inside it are hashed by their bits, which differ between peers. Use
    /// [`entity`](Self::entity) for them.
    pub fn value<T: Serialize + ?Sized>(&mut self, value: &T) {
        if value.serialize(&mut self.values).is_err() {
            // The value cannot be serialized on any peer. Its other parts are still compared.
            self.values.mixer.add(u64::MAX);
        }
    }

    /// Adds a reference to an entity, as its [`RollbackId`]. All entities without one are equal.
    pub fn entity(&mut self, entity: Entity) {
        let id = self.ids.get(&entity);
        self.values.mixer.add(id.copied().unwrap_or_default().get());
    }
}

/// Hashes every bit of a value, including the sign of zero. Returns `None` if it cannot be
/// serialized.
pub(super) fn exact_hash<T: Serialize>(value: &T) -> Option<u64> {
    let mut hasher = ValueHasher::<ExactMixer>::default();
    match value.serialize(&mut hasher) {
        Ok(()) => Some(hasher.mixer.finish()),
        Err(NotSerializable) => None,
    }
}

/// Finds out whether a value refers to entities.
#[derive(Default)]
pub(super) struct EntityProbe {
    pub(super) found: bool,
}

impl EntityMapper for EntityProbe {
    fn get_mapped(&mut self, source: Entity) -> Entity {
        self.found = true;
        source
    }

    fn set_mapped(&mut self, _: Entity, _: Entity) {}
}

/// Replaces each entity by one whose bits are the `RollbackId` plus one, because no entity has the
/// bits 0.
pub(super) struct ToRollbackIds<'a>(pub(super) &'a EntityHashMap<RollbackId>);

impl EntityMapper for ToRollbackIds<'_> {
    fn get_mapped(&mut self, source: Entity) -> Entity {
        let id = self.0.get(&source);
        id.and_then(|id| Entity::try_from_bits(id.get().wrapping_add(1)))
            .unwrap_or(Entity::PLACEHOLDER)
    }

    fn set_mapped(&mut self, _: Entity, _: Entity) {}
}
