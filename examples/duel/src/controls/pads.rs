//! Gamepads. The first one controls the first local player.

use bevy::prelude::*;

use super::held::{Controls, player_of};
use crate::lobby::Entrant;

pub(super) fn read(
    gamepads: Query<(Entity, &Gamepad)>,
    entrant: Res<Entrant>,
    mut controls: ResMut<Controls>,
) {
    let mut gamepads: Vec<_> = gamepads.iter().collect();
    gamepads.sort_unstable_by_key(|(entity, _)| *entity);
    for (device, (_, gamepad)) in gamepads.into_iter().enumerate() {
        let is_down = |button| gamepad.pressed(button) || gamepad.just_pressed(button);
        let direction = gamepad.left_stick() + gamepad.dpad();
        let dash = is_down(GamepadButton::East) || is_down(GamepadButton::RightTrigger2);
        let punch = is_down(GamepadButton::South) || is_down(GamepadButton::West);
        controls.hold(player_of(device, &entrant), direction, dash, punch);
    }
}
