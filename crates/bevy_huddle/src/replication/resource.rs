//! Resources that the host sets for all peers.

use bevy::prelude::*;

use super::{
    components::{OwnershipPolicy, PlacedId, Replicated},
    schedule::ReplicationSystems,
};

/// The first [`PlacedId`] of resources. The numbers below are those of the game's levels.
pub(super) const FIRST_RESOURCE: u32 = 1 << 28;

/// Replicates the entity of a resource. Bevy stores each resource as a component of an entity, which
/// every peer has, as if it were part of the level.
pub(super) fn add<R: Resource>(app: &mut App, name: &str) {
    let mark = (Replicated, PlacedId(number(name)), OwnershipPolicy::Host);
    app.add_systems(
        FixedPostUpdate,
        (move |new: Query<Entity, (With<R>, Without<Replicated>)>, mut commands: Commands| {
            for entity in &new {
                commands.entity(entity).try_insert(mark);
            }
        })
        .before(ReplicationSystems::Enter),
    );
}

/// Returns the number of a resource: a hash of its name, which is the same on every peer.
fn number(name: &str) -> u32 {
    FIRST_RESOURCE | huddle_session::KindId::of(name).0 & (FIRST_RESOURCE - 1)
}
