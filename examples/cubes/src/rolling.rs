//! What the local player is busy with.

use bevy::prelude::*;

/// Where the ball of the local player rolls or pushes, unless it rests.
#[derive(Resource, Default)]
pub(crate) struct Rolling(pub(crate) Option<Vec3>);

impl Rolling {
    /// Cubes at this distance belong to the game of the ball, in meters.
    const NEAR: f32 = 6.0;

    /// Returns whether the rolling ball is near a place.
    pub(crate) fn is_near(&self, place: Vec3) -> bool {
        let is_near = |ball: Vec3| ball.distance_squared(place) < Self::NEAR * Self::NEAR;
        self.0.is_some_and(is_near)
    }
}
