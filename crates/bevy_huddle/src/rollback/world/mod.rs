//! The world store: keeps the simulated part of the [`World`](bevy::prelude::World) for several
//! ticks, and restores it.
//!
//! # What is saved
//!
//! [`WorldStore`] saves the registered components of all entities with [`Rollback`], and registered
//! resources. Everything else stays as it is when a state is loaded: meshes, sprites, sounds.
//!
//! - A load restores values, components, entities, relationships and the order of rows. Change
//!   detection reports only what differs.
//! - An entity that was despawned with [`despawn_rollback`](DespawnRollback::despawn_rollback) is
//!   revived with all its components. One that was despawned with `despawn()` is spawned again with
//!   its registered components only.
//! - An entity that did not exist yet is despawned. Its [`RollbackId`] is used again.
//!
//! Change registered components only in the simulation. That includes [`ChildOf`] of rollback
//! entities: a load removes parents that other systems gave them.
//!
//! # References between entities
//!
//! Fields with `#[entities]` stay valid when an entity is spawned again, and checksums compare them
//! as [`RollbackId`]s. Elsewhere store a [`RollbackId`].
//!
//! [`ChildOf`]: bevy::prelude::ChildOf
//!
//! # Example
//!
//! ```
//! use bevy::prelude::*;
//! use bevy_huddle::{Tick, rollback::world::{Rollback, WorldStore}};
//! use serde::Serialize;
//!
//! #[derive(Component, Clone, PartialEq, Serialize)]
//! struct Health(u32);
//!
//! let mut world = World::new();
//! let mut store = WorldStore::new(&mut world);
//! store.component::<Health>();
//!
//! let ship = world.spawn((Health(10), Rollback)).id();
//! store.save(&mut world, Tick(7));
//! world.get_mut::<Health>(ship).unwrap().0 = 3;
//! store.load(&mut world, Tick(7)).unwrap();
//! assert_eq!(world.get::<Health>(ship).unwrap().0, 10);
//! ```

mod column;
mod commands;
mod dump;
mod error;
mod hash;
mod ids;
mod order;
mod places;
mod positions;
mod relationship;
mod restore;
mod rows;
mod save;
mod saves;
mod store;
mod structure;
mod structures;
mod tables;
#[cfg(test)]
mod tests;
mod text;
mod tombstone;
mod value;

pub use column::{Registered, RegisteredKind, access::Access};
pub use commands::DespawnRollback;
pub use dump::DumpRow;
pub use error::LoadError;
pub use hash::StateHasher;
pub use ids::{InSimulation, Rollback, RollbackId, RollbackIds};
pub use order::InOrder;
pub use store::WorldStore;
pub use tombstone::{SimulatedTick, Tombstone};
