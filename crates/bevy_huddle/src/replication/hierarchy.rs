//! Replicated entities below an entity that is despawned.

use bevy::prelude::*;

use super::components::ReplicationId;

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
