//! Runs the game. Its netcode is in `lib.rs`.

use bevy::prelude::*;

fn main() -> AppExit {
    hello::app().run()
}
