//! A player who needs nobody at the keys: `bot=SEED` or `--bot SEED`.

use bevy::prelude::*;
use example_kit::{ARENA, Options};

use crate::controls::Wish;
use crate::pose::RADIUS;

/// Wanders from point to point and splashes every other second or so. The same seed wants the same
/// things at the same ticks.
#[derive(Resource)]
pub(crate) struct Bot {
    dice: fastrand::Rng,
    goal: Vec2,
    ticks_to_goal: u32,
    ticks_to_splash: u32,
}

impl Bot {
    pub(crate) fn new(seed: u64) -> Self {
        let dice = fastrand::Rng::with_seed(seed);
        Self {
            dice,
            goal: Vec2::ZERO,
            ticks_to_goal: 0,
            ticks_to_splash: 60,
        }
    }

    /// The wish for the next tick.
    pub(crate) fn next(&mut self) -> Wish {
        if self.ticks_to_goal == 0 {
            let reach = ARENA / 2.0 - 2.0 * RADIUS;
            let anywhere = Vec2::new(self.dice.f32(), self.dice.f32()) * 2.0 - 1.0;
            self.goal = anywhere * reach;
            self.ticks_to_goal = self.dice.u32(60..150);
        }
        self.ticks_to_goal -= 1;
        let splash = self.ticks_to_splash == 0;
        if splash {
            self.ticks_to_splash = self.dice.u32(90..150);
        }
        self.ticks_to_splash -= 1;
        Wish {
            push: Vec2::ZERO,
            toward: Some(self.goal),
            splash,
        }
    }
}

pub(crate) fn plugin(app: &mut App) {
    app.add_systems(Startup, wake).add_systems(
        FixedPreUpdate,
        (|mut bot: ResMut<Bot>, mut wish: ResMut<Wish>| *wish = bot.next())
            .run_if(resource_exists::<Bot>),
    );
}

fn wake(options: Res<Options>, mut commands: Commands) {
    if let Some(seed) = options.bot {
        commands.insert_resource(Bot::new(seed));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(seed: u64) -> Vec<(Option<Vec2>, bool)> {
        let mut bot = Bot::new(seed);
        (0..3600)
            .map(|_| bot.next())
            .map(|wish| (wish.toward, wish.splash))
            .collect()
    }

    #[test]
    fn a_seed_is_a_course() {
        assert_eq!(run(7), run(7));
        assert_ne!(run(7), run(8));
    }

    #[test]
    fn a_bot_splashes_about_every_two_seconds() {
        let splashes = run(1).iter().filter(|(_, splash)| *splash).count();
        assert!((24..=41).contains(&splashes), "{splashes} in a minute");
    }

    #[test]
    fn a_bot_stays_in_the_arena() {
        let inside = |point: Vec2| point.abs().cmple(ARENA / 2.0).all();
        assert!(run(3).iter().all(|(goal, _)| goal.is_some_and(inside)));
    }
}
