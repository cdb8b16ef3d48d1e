//! The keyboard: one player with both halves, or two players.

use bevy::prelude::*;
use bevy_huddle::rollback::MatchStatus;

use super::held::{Controls, player_of};
use crate::{lobby::LocalEntrant, playing::local_players};

/// The keys of a player.
struct Keys {
    left: KeyCode,
    right: KeyCode,
    down: KeyCode,
    up: KeyCode,
    punch: [KeyCode; 2],
    dash: [KeyCode; 2],
}

const HALVES: [Keys; 2] = [
    Keys {
        left: KeyCode::KeyA,
        right: KeyCode::KeyD,
        down: KeyCode::KeyS,
        up: KeyCode::KeyW,
        punch: [KeyCode::KeyF, KeyCode::Space],
        dash: [KeyCode::KeyG, KeyCode::ShiftLeft],
    },
    Keys {
        left: KeyCode::ArrowLeft,
        right: KeyCode::ArrowRight,
        down: KeyCode::ArrowDown,
        up: KeyCode::ArrowUp,
        punch: [KeyCode::KeyK, KeyCode::Enter],
        dash: [KeyCode::KeyL, KeyCode::ShiftRight],
    },
];

pub(super) fn read(
    keys: Res<ButtonInput<KeyCode>>,
    status: Res<MatchStatus>,
    entrant: Res<LocalEntrant>,
    mut controls: ResMut<Controls>,
) {
    let players = local_players(&status, entrant.players());
    let is_down = |key| keys.pressed(key) || keys.just_pressed(key);
    for (half, of) in HALVES.iter().enumerate() {
        let axis = |minus, plus| f32::from(is_down(plus)) - f32::from(is_down(minus));
        let direction = Vec2::new(axis(of.left, of.right), axis(of.down, of.up));
        let [dash, punch] = [of.dash, of.punch].map(|keys| keys.into_iter().any(is_down));
        controls.hold(player_of(half, players), direction, dash, punch);
    }
}
