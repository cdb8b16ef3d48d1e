//! Steering with arrow keys, or towards a point.

use bevy::prelude::*;

/// Returns the direction of the held arrow keys or WASD, each axis from -1 to 1. `y` is up.
pub fn held_direction(keys: &ButtonInput<KeyCode>) -> Vec2 {
    let axis = |minus: [KeyCode; 2], plus: [KeyCode; 2]| {
        f32::from(keys.any_pressed(plus)) - f32::from(keys.any_pressed(minus))
    };
    Vec2::new(
        axis(
            [KeyCode::KeyA, KeyCode::ArrowLeft],
            [KeyCode::KeyD, KeyCode::ArrowRight],
        ),
        axis(
            [KeyCode::KeyS, KeyCode::ArrowDown],
            [KeyCode::KeyW, KeyCode::ArrowUp],
        ),
    )
}

/// Returns the direction to a point, with a length of at most 1. It is shorter within the distance `near` of the point.
pub fn direction_to(point: Vec2, from: Vec2, near: f32) -> Vec2 {
    ((point - from) / near).clamp_length_max(1.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn opposite_keys_cancel() {
        let mut keys = ButtonInput::default();
        keys.press(KeyCode::KeyA);
        keys.press(KeyCode::ArrowUp);
        assert_eq!(held_direction(&keys), Vec2::new(-1.0, 1.0));
        keys.press(KeyCode::ArrowRight);
        assert_eq!(held_direction(&keys), Vec2::Y);
    }

    #[test]
    fn player_slows_down_near_the_point() {
        assert_eq!(direction_to(Vec2::X * 9.0, Vec2::ZERO, 2.0), Vec2::X);
        assert_eq!(direction_to(Vec2::X, Vec2::ZERO, 2.0), Vec2::X / 2.0);
    }
}
