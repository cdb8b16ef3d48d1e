//! `despawn_rollback` on Bevy's entity commands.

use bevy::prelude::*;

use super::{
    ids::Rollback,
    tombstone::{SimulatedTick, Tombstone, hide},
};

/// Despawns rollback entities in a way that a rollback can undo.
///
/// ```
/// # use bevy::prelude::*;
/// # use bevy_huddle::rollback::world::DespawnRollback;
/// # #[derive(Component)]
/// # struct Bullet { ticks_left: u32 }
/// fn age(mut bullets: Query<(Entity, &mut Bullet)>, mut commands: Commands) {
///     for (entity, mut bullet) in &mut bullets {
///         bullet.ticks_left -= 1;
///         if bullet.ticks_left == 0 {
///             commands.entity(entity).despawn_rollback();
///         }
///     }
/// }
/// ```
pub trait DespawnRollback {
    /// Hides the entity and its linked descendants, such as children, and despawns them when no
    /// rollback can undo it.
    ///
    /// - Queries no longer return the entities, and registered relationships to other entities are
    ///   removed.
    /// - A rollback revives them with all components, including those that are not registered.
    /// - Removal hooks and observers run once, when the despawn is final. Those of registered
    ///   relationships run immediately.
    ///
    /// An entity without [`Rollback`] is despawned immediately.
    fn despawn_rollback(self);
}

impl DespawnRollback for EntityWorldMut<'_> {
    fn despawn_rollback(self) {
        // A world without a store has no `SimulatedTick`, and no rollbacks.
        let tick = self.get_resource::<SimulatedTick>().copied();
        let Some(tick) = tick.filter(|_| self.contains::<Rollback>()) else {
            self.despawn();
            return;
        };
        if !self.contains::<Tombstone>() {
            let entity = self.id();
            hide(self.into_world_mut(), entity, tick.0);
        }
    }
}

impl DespawnRollback for &mut EntityCommands<'_> {
    fn despawn_rollback(self) {
        // Like `despawn()`, this ignores entities that were despawned in the meantime: two systems
        // may despawn the same bullet.
        self.queue_silenced(|entity: EntityWorldMut| entity.despawn_rollback());
    }
}
