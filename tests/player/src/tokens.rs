//! Supplies a token for the signaling server, like a game that requests it from a web service.

use bevy::prelude::*;
use bevy_huddle::prelude::*;

/// Sets the token when the server needs one.
pub(crate) fn plugin(token: String) -> impl Plugin {
    move |app: &mut App| {
        let token = token.clone();
        let supply = move |needed: On<TokenNeeded>, mut commands: Commands| {
            commands.set_token(needed.entity, token.clone());
        };
        app.add_observer(supply);
    }
}
