//! A bot that plays instead of the player: `bot=SEED` or `--bot SEED`.

use bevy::prelude::*;
use example_kit::{Options, bot_plays};

use crate::{controls::PlayerInput, level::HALF_FLOOR};

/// Rolls from point to point, through whatever is in between. The same seed chooses the same points.
#[derive(Resource)]
pub(crate) struct Bot {
    rng: fastrand::Rng,
    goal: Vec2,
    ticks_to_goal: u32,
}

impl Bot {
    pub(crate) fn new(seed: u64) -> Self {
        Self {
            rng: fastrand::Rng::with_seed(seed),
            goal: Vec2::ZERO,
            ticks_to_goal: 0,
        }
    }

    /// Returns the input for the next tick.
    pub(crate) fn next(&mut self) -> PlayerInput {
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

pub(crate) fn plugin(app: &mut App) {
    app.add_systems(Startup, start).add_systems(
        FixedPreUpdate,
        (
            play.run_if(bot_plays),
            // The last input would move the player forever.
            rest.run_if(not(bot_plays)),
        )
            .run_if(resource_exists::<Bot>),
    );
}

fn start(options: Res<Options>, mut commands: Commands) {
    if let Some(seed) = options.bot {
        commands.insert_resource(Bot::new(seed));
    }
}

fn play(mut bot: ResMut<Bot>, mut input: ResMut<PlayerInput>) {
    *input = bot.next();
}

fn rest(mut input: ResMut<PlayerInput>) {
    *input = PlayerInput::default();
}

#[cfg(test)]
mod tests {
    use super::*;

    fn goals(seed: u64) -> Vec<Option<Vec2>> {
        let mut bot = Bot::new(seed);
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
