//! Iteration in an order that is the same on every peer.

use bevy::{
    ecs::{
        entity::{EntityIndexSet, index_set},
        query::{IterQueryData, QueryData, QueryFilter, QueryManyIter, QueryManyUniqueIter},
        system::SystemParam,
    },
    prelude::*,
};

use super::ids::{Rollback, RollbackIds};

/// A query of rollback entities in the order of their [`RollbackId`](super::RollbackId)s: the order
/// in which they were spawned.
///
/// The order of a plain `Query` over several archetypes differs between peers. Use `InOrder` where
/// the order changes the result, for example where systems spawn entities or add floating-point
/// numbers.
///
/// ```
/// # use bevy::prelude::*;
/// # use bevy_huddle::rollback::world::{InOrder, Rollback};
/// # #[derive(Component)]
/// # struct Ship { wants_to_fire: bool }
/// # #[derive(Component)]
/// # struct Bullet;
/// fn shoot(ships: InOrder<(&Ship, &Transform)>, mut commands: Commands) {
///     for (ship, transform) in ships.iter() {
///         if ship.wants_to_fire {
///             commands.spawn((Bullet, *transform, Rollback));
///         }
///     }
/// }
/// ```
#[derive(SystemParam)]
pub struct InOrder<'w, 's, D: QueryData + 'static, F: QueryFilter + 'static = ()> {
    query: Query<'w, 's, D, (F, With<Rollback>)>,
    ids: Res<'w, RollbackIds>,
    cache: Local<'s, Cache>,
}

/// All rollback entities in order. Rebuilt when an entity is spawned or despawned.
#[derive(Default)]
struct Cache {
    version: Option<u64>,
    entities: EntityIndexSet,
}

impl<'s, D: QueryData, F: QueryFilter> InOrder<'_, 's, D, F> {
    /// Returns an iterator over the entities that match the query.
    pub fn iter(
        &self,
    ) -> QueryManyIter<'_, 's, D::ReadOnly, (F, With<Rollback>), impl Iterator<Item = Entity>> {
        self.query
            .iter_many(self.ids.iter().map(|(_, entity)| entity))
    }

    /// Returns an iterator over the entities that match the query, with mutable access.
    pub fn iter_mut(
        &mut self,
    ) -> QueryManyUniqueIter<'_, 's, D, (F, With<Rollback>), index_set::Iter<'_>>
    where
        D: IterQueryData,
    {
        let cache = &mut *self.cache;
        if cache.version != Some(self.ids.version()) {
            cache.version = Some(self.ids.version());
            cache.entities.clear();
            cache
                .entities
                .extend(self.ids.iter().map(|(_, entity)| entity));
        }
        self.query.iter_many_unique_mut(&cache.entities)
    }

    /// Returns the query, for access without an order.
    pub fn query(&self) -> Query<'_, 's, D::ReadOnly, (F, With<Rollback>)> {
        self.query.as_readonly()
    }
}
