//! The place of the local player's ball while it rolls.

use bevy::prelude::*;

/// Where the ball of the local player rolls or pushes, unless it rests.
#[derive(Resource, Default)]
pub(crate) struct Rolling(pub(crate) Option<Vec3>);

impl Rolling {
    /// The local player may take cubes within this distance of its ball, in meters.
    const NEAR: f32 = 6.0;

    /// The distance at which cubes are no longer near, in meters. Cubes between both do not change.
    const AROUND: f32 = 7.0;

    /// Returns whether the rolling ball is near a place.
    pub(crate) fn is_near(&self, place: Vec3) -> bool {
        self.is_within(place, Self::NEAR)
    }

    /// Returns whether the rolling ball is still near a place.
    pub(crate) fn is_around(&self, place: Vec3) -> bool {
        self.is_within(place, Self::AROUND)
    }

    fn is_within(&self, place: Vec3, distance: f32) -> bool {
        let is_within = |ball: Vec3| ball.distance_squared(place) < distance * distance;
        self.0.is_some_and(is_within)
    }
}
