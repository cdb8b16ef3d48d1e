//! Bots that play instead of the player: `bot=SEED` or `--bot SEED`.

use bevy::ecs::component::Mutable;
use bevy::prelude::*;

use crate::options::{Options, bot_plays};

/// A bot. The same seed produces the same input in the same ticks.
pub trait Bot: Resource<Mutability = Mutable> + Sized {
    /// The input that a player or a bot writes for the next tick. Its default does nothing.
    type Input: Resource<Mutability = Mutable> + Default;

    /// Creates the bot.
    fn new(seed: u64) -> Self;

    /// Returns the input for the next tick.
    fn next(&mut self) -> Self::Input;
}

/// Adds the bot if the options request one.
pub fn bot_plugin<B: Bot>(app: &mut App) {
    app.add_systems(Startup, start::<B>).add_systems(
        FixedPreUpdate,
        (
            play::<B>.run_if(bot_plays),
            // The last input would move the player forever.
            rest::<B>.run_if(not(bot_plays)),
        )
            .run_if(resource_exists::<B>),
    );
}

fn start<B: Bot>(options: Res<Options>, mut commands: Commands) {
    if let Some(seed) = options.bot {
        commands.insert_resource(B::new(seed));
    }
}

fn play<B: Bot>(mut bot: ResMut<B>, mut input: ResMut<B::Input>) {
    *input = bot.next();
}

fn rest<B: Bot>(mut input: ResMut<B::Input>) {
    *input = default();
}
