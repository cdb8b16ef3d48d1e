//! Entities that every peer in the room sees.
//!
//! A game registers components, and marks entities with [`Replicated`]. The other peers then see each
//! entity with the registered components that it has:
//!
//! ```
//! use bevy::prelude::*;
//! use bevy_huddle::{prelude::*, replication::*};
//! use serde::{Deserialize, Serialize};
//!
//! #[derive(Component, Clone, Default, PartialEq)]
//! struct Place(Vec2);
//!
//! #[derive(Component, Clone, Serialize, Deserialize)]
//! struct Score(u32);
//!
//! fn add(app: &mut App) {
//!     app.replicate::<Score>("score")
//!         .replicate_with::<Place>("place", |rule| {
//!             rule.vec2(|place| place.0, |place, at| place.0 = at, within(640.0).step(0.05))
//!         });
//! }
//!
//! fn spawn_ball(mut commands: Commands) {
//!     commands.spawn((Replicated, Place(Vec2::ZERO)));
//! }
//!
//! /// A component of the local peer's entity appears on its entity at the other peers.
//! fn set_score(local: Single<Entity, With<LocalPeer>>, mut commands: Commands) {
//!     commands.entity(*local).insert(Score(3));
//! }
//! # bevy::ecs::system::assert_is_system(spawn_ball);
//! # bevy::ecs::system::assert_is_system(set_score);
//! ```
//!
//! # What the other peers see
//!
//! - All components of a new entity are inserted together, so an `On<Add, T>` observer can query the
//!   rest.
//! - A component changes when a new value arrives. [`Changed`](bevy::prelude::Changed) is true once for
//!   each new value. Values in between can be skipped, and an older value never replaces a newer one.
//! - A player who joins late receives all entities.
//! - Only changes are sent, and the most important ones first: see [`Importance`]. [`VisibleTo`] hides
//!   an entity from some of the peers.
//!
//! # Ownership
//!
//! Each entity has one [`Owner`]: at first the peer that spawned it. It has [`LocallyOwned`] on the
//! owner's machine. Only the owner changes an entity. The [`OwnershipPolicy`] decides how another peer
//! can become the owner, [`OwnershipCommandsExt`] has the commands, and [`OwnershipChanged`] and
//! [`ClaimEnded`] report the results. No server is involved, and all peers agree.
//!
//! When a peer leaves, its entities leave with it, or another peer inherits them.
//!
//! # More
//!
//! - [`ReplicationRule::interpolate`] and [`ReplicationRule::draw`] show values smoothly.
//! - [`ReplicationRule::large`] replicates values of up to 16 KiB.
//! - [`PlacedId`] connects the entities of a level, which every game spawns itself.
//! - [`ReplicatedEntities`] finds an entity by its id, for messages about entities.
//! - [`ReplicationFailed`] reports what cannot be replicated.
//! - Change replicated components in `FixedUpdate`.
//!
//! The page `docs/replication.md` of the repository is the guide.

mod app;
mod budget;
mod codec;
mod commands;
pub(crate) mod components;
mod encode;
mod entities;
mod events;
mod hierarchy;
mod incoming;
mod large;
mod level;
mod lookup;
mod outgoing;
mod playout;
mod plugin;
mod received;
mod references;
mod requests;
mod resolve;
mod resource;
pub(crate) mod room;
mod rule;
mod scene;
mod schedule;
#[cfg(test)]
mod tests;
mod wire_id;

pub use self::{
    app::ReplicationAppExt,
    budget::ReplicationBudget,
    commands::OwnershipCommandsExt,
    components::{
        Importance, LocallyOwned, OnOwnerLeft, Owner, OwnershipPolicy, PlacedId, Replicated,
        ReplicationId, VisibleTo,
    },
    events::{ClaimEnded, OwnershipChanged, ReplicationError, ReplicationFailed},
    level::LevelCommandsExt,
    lookup::ReplicatedEntities,
    playout::Interpolated,
    plugin::ReplicationPlugin,
    requests::OwnershipRequest,
    rule::{Assign, Ranges, ReplicatedComponent, ReplicationRule},
    schedule::ReplicationSystems,
};
pub use huddle_snapshot::{
    EntityError, ShapeError,
    claim::{Cause, ClaimEnd, Operation, OwnerError, Policy, Refusal as ClaimRefusal},
    id::{Creator, EntityId},
    quantise::{SteppedRange, between, within},
};
