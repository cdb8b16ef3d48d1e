//! Runs the game. `lib.rs` contains its netcode.

use bevy::prelude::*;

fn main() -> AppExit {
    cubes::app().run()
}
