//! A bot that plays instead of the player: `bot=SEED` or `--bot SEED`.

use bevy::prelude::*;
use example_kit::Bot;

use crate::{controls::PlayerInput, level::HALF_FLOOR};

/// Rolls from point to point, through whatever is in between. The same seed chooses the same points.
#[derive(Resource)]
pub(crate) struct RollingBot {
    rng: fastrand::Rng,
    goal: Vec2,
    ticks_to_goal: u32,
}

impl Bot for RollingBot {
    type Input = PlayerInput;

    fn new(seed: u64) -> Self {
        Self {
            rng: fastrand::Rng::with_seed(seed),
            goal: Vec2::ZERO,
            ticks_to_goal: 0,
        }
    }

    fn next(&mut self) -> PlayerInput {
        if self.ticks_to_goal == 0 {
            let anywhere = Vec2::new(self.rng.f32(), self.rng.f32()) * 2.0 - 1.0;
            self.goal = anywhere * (HALF_FLOOR - 2.0);
            self.ticks_to_goal = self.rng.u32(60..180);
        }
        self.ticks_to_goal -= 1;
        PlayerInput {
            direction: Vec2::ZERO,
            target: Some(self.goal),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn goals(seed: u64) -> Vec<Option<Vec2>> {
        let mut bot = RollingBot::new(seed);
        (0..3600).map(|_| bot.next().target).collect()
    }

    #[test]
    fn same_seed_plays_the_same_way() {
        assert_eq!(goals(7), goals(7));
        assert_ne!(goals(7), goals(8));
    }

    #[test]
    fn bot_stays_on_the_floor() {
        let is_inside = |point: Vec2| point.abs().max_element() < HALF_FLOOR;
        assert!(goals(3).into_iter().flatten().all(is_inside));
    }
}
