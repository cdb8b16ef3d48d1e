//! The cubes of the level.

use avian3d::prelude::*;
use bevy::prelude::*;
use bevy_huddle::replication::*;

use crate::{
    body::{Body, Cube},
    level, physics,
};

/// Every player's game spawns the same cubes. The number connects them, and nobody owns them until the first
/// touch. They stay as they are when the player leaves the room, which this game never does.
pub(crate) fn spawn(mut commands: Commands) {
    for (number, at) in (0..).zip(level::cubes()) {
        let body = Body::resting(at);
        let collider = Collider::cuboid(level::CUBE, level::CUBE, level::CUBE);
        commands.spawn((
            Cube,
            Replicated,
            PlacedId(number),
            OwnershipPolicy::ByTouch,
            body,
            physics::body(body, collider),
        ));
    }
}
