//! A bot that plays instead of the player: `bot=SEED` or `--bot SEED`.

use bevy::prelude::*;
use example_kit::{ARENA, Bot};

use crate::controls::PlayerInput;
use crate::pose::RADIUS;

/// Wanders from point to point and makes a splash about every two seconds. The same seed produces
/// the same input in the same ticks.
#[derive(Resource)]
pub(crate) struct WanderingBot {
    rng: fastrand::Rng,
    goal: Vec2,
    ticks_to_goal: u32,
    ticks_to_splash: u32,
}

impl Bot for WanderingBot {
    type Input = PlayerInput;

    fn new(seed: u64) -> Self {
        let rng = fastrand::Rng::with_seed(seed);
        Self {
            rng,
            goal: Vec2::ZERO,
            ticks_to_goal: 0,
            ticks_to_splash: 60,
        }
    }

    fn next(&mut self) -> PlayerInput {
        if self.ticks_to_goal == 0 {
            let reach = ARENA / 2.0 - 2.0 * RADIUS;
            let anywhere = Vec2::new(self.rng.f32(), self.rng.f32()) * 2.0 - 1.0;
            self.goal = anywhere * reach;
            self.ticks_to_goal = self.rng.u32(60..150);
        }
        self.ticks_to_goal -= 1;
        let splash = self.ticks_to_splash == 0;
        if splash {
            self.ticks_to_splash = self.rng.u32(90..150);
        }
        self.ticks_to_splash -= 1;
        PlayerInput {
            direction: Vec2::ZERO,
            target: Some(self.goal),
            splash,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(seed: u64) -> Vec<(Option<Vec2>, bool)> {
        let mut bot = WanderingBot::new(seed);
        (0..3600)
            .map(|_| bot.next())
            .map(|input| (input.target, input.splash))
            .collect()
    }

    #[test]
    fn same_seed_plays_the_same_way() {
        assert_eq!(run(7), run(7));
        assert_ne!(run(7), run(8));
    }

    #[test]
    fn bot_splashes_about_every_two_seconds() {
        let splashes = run(1).iter().filter(|(_, splash)| *splash).count();
        assert!((24..=41).contains(&splashes), "{splashes} in a minute");
    }

    #[test]
    fn bot_stays_in_the_arena() {
        let inside = |point: Vec2| point.abs().cmple(ARENA / 2.0).all();
        assert!(run(3).iter().all(|(goal, _)| goal.is_some_and(inside)));
    }
}
