//! The position and movement of a player. Poses from other peers are checked before use.

use bevy::prelude::*;
use bevy_huddle::prelude::PeerId;
use example_kit::{ARENA, Persona};
use serde::{Deserialize, Serialize};

use crate::controls::PlayerInput;

/// A player's position in the arena in world units, and the velocity in world units per second.
#[derive(Component, Serialize, Deserialize, Debug, Clone, Copy, PartialEq, Default)]
pub(crate) struct Pose {
    x: f32,
    y: f32,
    vx: f32,
    vy: f32,
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
        Self::new(at, Vec2::ZERO)
    }

    /// Creates a pose. Clamps the position to the arena and the velocity to the top speed.
    pub(crate) fn new(at: Vec2, velocity: Vec2) -> Self {
        let half = ARENA / 2.0 - RADIUS;
        let at = if at.is_finite() {
            at.clamp(-half, half)
        } else {
            Vec2::ZERO
        };
        let velocity = if velocity.is_finite() {
            velocity
        } else {
            Vec2::ZERO
        };
        let velocity = velocity.clamp_length_max(Self::TOP_SPEED);
        Self {
            x: at.x,
            y: at.y,
            vx: velocity.x,
            vy: velocity.y,
        }
    }

    /// Returns a valid pose. A peer can send any numbers.
    pub(crate) fn checked(&self) -> Self {
        Self::new(self.at(), self.velocity())
    }

    pub(crate) fn at(&self) -> Vec2 {
        Vec2::new(self.x, self.y)
    }

    pub(crate) fn velocity(&self) -> Vec2 {
        Vec2::new(self.vx, self.vy)
    }

    /// Returns the position after that time at the same velocity.
    pub(crate) fn after(&self, seconds: f32) -> Vec2 {
        Self::new(self.at() + self.velocity() * seconds, Vec2::ZERO).at()
    }

    /// Returns the pose after one step.
    pub(crate) fn step(&self, input: &PlayerInput, seconds: f32) -> Self {
        let wanted = input.heading(self.at()) * Self::TOP_SPEED;
        let mut velocity = self.velocity();
        velocity += (wanted - velocity) * (1.0 - (-Self::GRIP * seconds).exp());
        if wanted == Vec2::ZERO && velocity.length() < Self::MIN_SPEED {
            velocity = Vec2::ZERO;
        }
        let free = self.at() + velocity * seconds;
        let next = Self::new(free, velocity);
        // A wall stops the movement towards it.
        let stopped = next.at().cmpeq(free);
        Self::new(next.at(), Vec2::select(stopped, velocity, Vec2::ZERO))
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
        assert_eq!(pose.at().x, ARENA.x / 2.0 - RADIUS);
        assert_eq!(pose.velocity(), Vec2::ZERO);
    }

    #[test]
    fn player_without_input_stops() {
        let moving = Pose::new(Vec2::ZERO, Vec2::new(200.0, 100.0));
        let resting = (0..120).fold(moving, |pose, _| pose.step(&PlayerInput::default(), TICK));
        assert_eq!(resting.velocity(), Vec2::ZERO);
        assert_eq!(resting.step(&PlayerInput::default(), TICK), resting);
    }

    #[test]
    fn player_goes_to_the_pressed_point() {
        let input = PlayerInput {
            target: Some(Vec2::new(-150.0, 80.0)),
            ..PlayerInput::default()
        };
        let pose = (0..240).fold(Pose::default(), |pose, _| pose.step(&input, TICK));
        assert!(
            pose.at().distance(Vec2::new(-150.0, 80.0)) < 3.0,
            "{pose:?}"
        );
    }

    #[test]
    fn invalid_numbers_from_a_peer_become_a_valid_pose() {
        for bad in [
            f32::NAN,
            f32::INFINITY,
            f32::NEG_INFINITY,
            f32::MAX,
            f32::MIN,
            1e9,
        ] {
            let pose = Pose {
                x: bad,
                y: -bad,
                vx: bad,
                vy: bad,
            }
            .checked();
            assert!(pose.at().abs().cmple(ARENA / 2.0).all(), "{bad}: {pose:?}");
            assert!(
                pose.velocity().length() <= Pose::TOP_SPEED * 1.001,
                "{bad}: {pose:?}"
            );
        }
    }
}
