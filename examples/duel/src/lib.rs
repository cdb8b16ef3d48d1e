//! Skeleton.
/// Returns the game.
pub fn app() -> bevy::prelude::App { bevy::prelude::App::new() }
