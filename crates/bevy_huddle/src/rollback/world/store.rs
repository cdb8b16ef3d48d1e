//! The store itself: registration, saves and loads.

use std::any::TypeId;

use bevy::{
    ecs::{
        component::Mutable, entity_disabling::Disabled, query::QueryState,
        relationship::Relationship,
    },
    prelude::*,
};
use log::warn;
use serde::Serialize;

use super::{
    column::{
        Column, Registered, access::Access, component::ComponentColumn, resource::ResourceColumn,
    },
    hash::StateHasher,
    ids::{Rollback, RollbackId, RollbackIds},
    relationship::{ListOrder, RegisteredRelationships, RelationshipOrder},
    restore::Restorer,
    save::Save,
    structures::Structures,
    tombstone::{SimulatedTick, Tombstone},
    value::ValueRules,
};

/// All hidden entities. `Has` includes those that the game disabled.
type TombstoneQuery = QueryState<(
    Entity,
    &'static Tombstone,
    Option<&'static RollbackId>,
    Has<Disabled>,
)>;

/// Saves the registered components and resources of a [`World`] at several ticks, and restores them.
///
/// The store reuses its memory: it holds as many states as were ever saved at the same time.
/// [`ChildOf`] is registered from the start. See the [module](super) for what is saved.
pub struct WorldStore {
    pub(super) tombstones: TombstoneQuery,
    types: Vec<TypeId>,
    pub(super) columns: Vec<Box<dyn Column>>,
    pub(super) orders: Vec<Box<dyn ListOrder>>,
    pub(super) structures: Structures,
    pub(super) saves: Vec<Save>,
    /// The number of slots of each column.
    pub(super) slots: usize,
    pub(super) free: Vec<usize>,
    pub(super) restorer: Restorer,
    pub(super) reaped: Vec<(Option<RollbackId>, Entity)>,
}

impl WorldStore {
    /// Prepares a world for rollbacks and creates a store without saves.
    ///
    /// Call it before any system runs: queries that were used before would return entities with a
    /// [`Tombstone`].
    pub fn new(world: &mut World) -> Self {
        world.register_disabling_component::<Tombstone>();
        world.init_resource::<RollbackIds>();
        world.init_resource::<SimulatedTick>();
        world.init_resource::<RegisteredRelationships>();
        let mut store = Self {
            tombstones: QueryState::new(world),
            types: Vec::new(),
            columns: Vec::new(),
            orders: Vec::new(),
            structures: Structures::new(world),
            saves: Vec::new(),
            slots: 0,
            free: Vec::new(),
            restorer: Restorer::default(),
            reaped: Vec::new(),
        };
        store.relationship::<ChildOf>(world);
        store
    }

    /// Registers a component that is saved, and compared between peers.
    ///
    /// Register types before a match, in the same order on every peer. A value that does not equal
    /// itself, such as NaN, is marked as changed by each load.
    pub fn component<T>(&mut self) -> &mut Self
    where
        T: Component + Clone + PartialEq + Serialize,
        T::Mutability: Access<T>,
    {
        self.add::<T>(|| Box::new(ComponentColumn::<T>::new(ValueRules::compared())))
    }

    /// Registers a component that is saved, and compared by a hash function of its own.
    pub fn component_with_hash<T>(&mut self, hash: fn(&T, &mut StateHasher)) -> &mut Self
    where
        T: Component + Clone + PartialEq,
        T::Mutability: Access<T>,
    {
        self.add::<T>(|| Box::new(ComponentColumn::<T>::new(ValueRules::hashed(hash))))
    }

    /// Registers a component that is saved, but not compared. Each load marks its values as changed,
    /// and inserts immutable ones again.
    pub fn component_unchecked<T>(&mut self) -> &mut Self
    where
        T: Component + Clone,
        T::Mutability: Access<T>,
    {
        self.add::<T>(|| Box::new(ComponentColumn::<T>::new(ValueRules::UNCHECKED)))
    }

    /// Registers a relationship between rollback entities, including the order of the lists of its
    /// targets. Checksums compare the target of each entity.
    ///
    /// [`despawn_rollback`](super::DespawnRollback::despawn_rollback) hides the linked descendants
    /// of registered relationships.
    pub fn relationship<R>(&mut self, world: &mut World) -> &mut Self
    where
        R: Relationship + Clone + PartialEq,
        R::Mutability: Access<R>,
    {
        if !self.types.contains(&TypeId::of::<R>()) {
            RegisteredRelationships::add::<R>(world);
            self.orders.push(Box::<RelationshipOrder<R>>::default());
        }
        self.component_with_hash::<R>(|relationship, hasher| hasher.entity(relationship.get()))
    }

    /// Registers a resource that is saved, and compared between peers.
    pub fn resource<R>(&mut self) -> &mut Self
    where
        R: Resource<Mutability = Mutable> + Clone + PartialEq + Serialize,
    {
        self.add::<R>(|| Box::new(ResourceColumn::<R>::new(ValueRules::compared())))
    }

    /// Registers a resource that is saved, and compared by a hash function of its own.
    pub fn resource_with_hash<R>(&mut self, hash: fn(&R, &mut StateHasher)) -> &mut Self
    where
        R: Resource<Mutability = Mutable> + Clone + PartialEq,
    {
        self.add::<R>(|| Box::new(ResourceColumn::<R>::new(ValueRules::hashed(hash))))
    }

    /// Registers a resource that is saved, but not compared. Each load marks it as changed.
    pub fn resource_unchecked<R>(&mut self) -> &mut Self
    where
        R: Resource<Mutability = Mutable> + Clone,
    {
        self.add::<R>(|| Box::new(ResourceColumn::<R>::new(ValueRules::UNCHECKED)))
    }

    /// Returns all registered types in the order of their registration.
    pub fn registered(&self) -> impl Iterator<Item = Registered> + '_ {
        self.columns.iter().map(|column| column.registered())
    }

    /// Returns whether a type is saved and restored.
    pub(crate) fn is_registered(&self, type_id: TypeId) -> bool {
        self.types.contains(&type_id)
    }

    /// Returns whether a component belongs to the store, which restores it in its own way.
    pub(crate) fn is_own(&self, type_id: TypeId) -> bool {
        [
            TypeId::of::<Rollback>(),
            TypeId::of::<RollbackId>(),
            TypeId::of::<Tombstone>(),
        ]
        .contains(&type_id)
    }

    fn add<T: 'static>(&mut self, column: impl FnOnce() -> Box<dyn Column>) -> &mut Self {
        if self.types.contains(&TypeId::of::<T>()) {
            // Two plugins may register the same type.
            return self;
        }
        let mut column = column();
        if self.slots > 0 {
            warn!(
                "{} was registered after a state was saved, so all saved states are dropped. \
                 Register types before a match.",
                column.registered().name,
            );
            for _ in 0..self.slots {
                column.add_slot();
            }
            self.release_all();
        }
        self.types.push(TypeId::of::<T>());
        self.columns.push(column);
        self
    }
}
