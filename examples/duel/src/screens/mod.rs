//! The interface: the lobby, the score, and what the players wait for.

mod action;
mod banner;
mod button;
mod lobby;
mod roster;
mod score;

use bevy::prelude::*;
use bevy_huddle::rollback::*;

use crate::{
    controls::touch::{TouchButtons, TouchScreen},
    playing::is_playing,
    simulation::Phase,
};

pub(crate) fn plugin(app: &mut App) {
    // Developers see which values differ. Players of a release only read that they do.
    #[cfg(debug_assertions)]
    app.add_plugins(DesyncOverlayPlugin);
    app.add_plugins(NetGraphPlugin::default())
        .add_plugins((
            action::plugin,
            banner::plugin,
            button::plugin,
            lobby::plugin,
            roster::plugin,
            score::plugin,
        ))
        .add_systems(Update, show_touch_buttons);
}

fn show_touch_buttons(
    screen: Res<TouchScreen>,
    status: Res<MatchStatus>,
    phase: Res<State<Phase>>,
    mut buttons: Query<&mut Visibility, With<TouchButtons>>,
) {
    let is_shown = screen.0 && is_playing(&status, &phase);
    for mut visibility in &mut buttons {
        visibility.set_if_neq(match is_shown {
            true => Visibility::Inherited,
            false => Visibility::Hidden,
        });
    }
}
