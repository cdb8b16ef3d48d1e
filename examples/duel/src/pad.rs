//! The input of a player in a tick.

use bevy::prelude::*;
use serde::{Deserialize, Serialize};

/// What a player holds in a tick. It is small, because it crosses the network 60 times per second.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Pad {
    /// The direction in hundredths, from the left to the right and from the bottom to the top.
    direction: [i8; 2],
    /// Whether the button for a dash is down.
    pub(crate) dash: bool,
    /// Whether the button for a punch is down.
    pub(crate) punch: bool,
}

impl Pad {
    /// Creates an input. The direction's length is limited to 1.
    pub(crate) fn new(direction: Vec2, dash: bool, punch: bool) -> Self {
        let direction = (direction.clamp_length_max(1.0) * 100.0).round();
        Self {
            // A number that does not fit becomes the nearest one, and NaN becomes 0.
            direction: direction.to_array().map(|axis| axis as i8),
            dash,
            punch,
        }
    }

    /// Returns the direction, with a length of at most 1 for whatever a peer sends.
    pub(crate) fn direction(&self) -> Vec2 {
        let [x, y] = self.direction.map(f32::from);
        (Vec2::new(x, y) / 100.0).clamp_length_max(1.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_input_is_faster_than_another() {
        for direction in [[100, 100], [-128, 127], [127, 0]] {
            let pad = Pad {
                direction,
                ..default()
            };
            assert!(pad.direction().length() <= 1.0001, "{direction:?}");
        }
    }

    #[test]
    fn direction_survives_the_network() {
        let direction = Pad::new(Vec2::new(0.5, -0.25), false, false).direction();
        assert_eq!(direction, Vec2::new(0.5, -0.25));
        assert_eq!(Pad::new(Vec2::NAN, false, false).direction(), Vec2::ZERO);
    }
}
