//! Replicated entities below an entity that is despawned.

use bevy::prelude::*;

use super::components::{LocallyOwned, ReplicationId};

/// Detaches the children of other owners from an entity that the game despawns. Bevy would despawn them,
/// too, on this machine only and for good.
pub(crate) fn on_parent_despawned(
    despawned: On<Despawn, Children>,
    parents: Query<&Children>,
    of_others: Query<(), (With<ReplicationId>, Without<LocallyOwned>)>,
    mut commands: Commands,
) {
    for &child in parents.get(despawned.entity).into_iter().flatten() {
        if of_others.contains(child)
            && let Ok(mut child) = commands.get_entity(child)
        {
            child.try_remove::<ChildOf>();
        }
    }
}

/// Detaches the replicated descendants of an entity. Their owner decides when they are despawned.
pub(crate) fn detach_replicated(world: &mut World, entity: Entity) {
    let children = world.get::<Children>(entity);
    let children: Vec<_> = children.into_iter().flatten().copied().collect();
    for child in children {
        if world.get::<ReplicationId>(child).is_some() {
            if let Ok(mut child) = world.get_entity_mut(child) {
                child.remove::<ChildOf>();
                world.flush();
            }
        } else {
            detach_replicated(world, child);
        }
    }
}
