//! The position and movement of a player.

use bevy::prelude::*;
use bevy_huddle::PeerId;
use example_kit::{ARENA, Persona};

use crate::controls::PlayerInput;

/// A player's position in the arena in world units, and the velocity in world units per second.
#[derive(Component, Debug, Clone, Copy, PartialEq, Default)]
#[require(Transform)]
pub(crate) struct Pose {
    pub(crate) at: Vec2,
    /// Only the player's own game knows it.
    pub(crate) velocity: Vec2,
}

/// Half the size of a player's shape.
pub(crate) const RADIUS: f32 = 26.0;

impl Pose {
    /// The highest speed in world units per second.
    pub(crate) const TOP_SPEED: f32 = 330.0;
    /// The rate at which the velocity follows the input, per second.
    const GRIP: f32 = 9.0;
    /// The speed below which a player without input stops.
    const MIN_SPEED: f32 = 1.0;

    /// Returns the first pose of a player, at the player's own position in the lower half.
    pub(crate) fn start(player: PeerId) -> Self {
        let slot = Persona::of(player).variant;
        let (column, row) = (slot % 9, slot / 9 % 3);
        let at = Vec2::new(column as f32 * 80.0 - 320.0, row as f32 * -75.0 - 70.0);
        Self {
            at,
            velocity: Vec2::ZERO,
        }
    }

    /// Returns where to draw the player.
    pub(crate) fn transform(&self) -> Transform {
        Transform::from_translation(self.at.extend(0.0))
    }

    /// Returns the largest coordinates of a player in the arena.
    pub(crate) fn reach() -> Vec2 {
        ARENA / 2.0 - RADIUS
    }

    /// Returns the pose after one step.
    pub(crate) fn step(&self, input: &PlayerInput, seconds: f32) -> Self {
        let wanted = input.heading(self.at) * Self::TOP_SPEED;
        let mut velocity = self.velocity;
        velocity += (wanted - velocity) * (1.0 - (-Self::GRIP * seconds).exp());
        if wanted == Vec2::ZERO && velocity.length() < Self::MIN_SPEED {
            velocity = Vec2::ZERO;
        }
        let free = self.at + velocity * seconds;
        let at = free.clamp(-Self::reach(), Self::reach());
        // A wall stops the movement towards it.
        let velocity = Vec2::select(at.cmpeq(free), velocity, Vec2::ZERO);
        Self { at, velocity }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TICK: f32 = 1.0 / 60.0;

    #[test]
    fn player_stops_at_the_wall() {
        let input = PlayerInput {
            direction: Vec2::X,
            ..PlayerInput::default()
        };
        let pose = (0..300).fold(Pose::default(), |pose, _| pose.step(&input, TICK));
        assert_eq!(pose.at.x, ARENA.x / 2.0 - RADIUS);
        assert_eq!(pose.velocity, Vec2::ZERO);
    }

    #[test]
    fn player_without_input_stops() {
        let moving = Pose {
            at: Vec2::ZERO,
            velocity: Vec2::new(200.0, 100.0),
        };
        let resting = (0..120).fold(moving, |pose, _| pose.step(&PlayerInput::default(), TICK));
        assert_eq!(resting.velocity, Vec2::ZERO);
        assert_eq!(resting.step(&PlayerInput::default(), TICK), resting);
    }

    #[test]
    fn player_goes_to_the_pressed_point() {
        let input = PlayerInput {
            target: Some(Vec2::new(-150.0, 80.0)),
            ..PlayerInput::default()
        };
        let pose = (0..240).fold(Pose::default(), |pose, _| pose.step(&input, TICK));
        assert!(pose.at.distance(Vec2::new(-150.0, 80.0)) < 3.0, "{pose:?}");
    }
}
