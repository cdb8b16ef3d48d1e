//! Buttons.

use bevy::prelude::*;

/// A run condition: the pointer is not on a button, so a press is meant for the game.
pub fn pointer_is_free(buttons: Query<&Interaction>) -> bool {
    buttons
        .iter()
        .all(|interaction| *interaction == Interaction::None)
}
