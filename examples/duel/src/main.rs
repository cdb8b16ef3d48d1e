//! Runs the game.

fn main() -> bevy::prelude::AppExit {
    duel::app().run()
}
