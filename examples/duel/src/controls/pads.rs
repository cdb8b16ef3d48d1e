//! Gamepads. The first one that a player uses controls the first local player.

use bevy::prelude::*;
use bevy_huddle::rollback::MatchStatus;

use super::held::{Controls, player_of};
use crate::{
    lobby::{LocalEntrant, MAX_LOCAL},
    playing::local_players,
};

/// The gamepad of each local player. A gamepad keeps its player when another one is unplugged.
#[derive(Default)]
pub(super) struct Owned([Option<Entity>; MAX_LOCAL]);

pub(super) fn read(
    gamepads: Query<(Entity, &Gamepad)>,
    status: Res<MatchStatus>,
    entrant: Res<LocalEntrant>,
    mut owned: Local<Owned>,
    mut controls: ResMut<Controls>,
) {
    // An unplugged gamepad loses its component.
    owned.keep(|pad| gamepads.contains(pad));
    let players = local_players(&status, entrant.players());
    for (entity, gamepad) in &gamepads {
        let is_down = |button| gamepad.pressed(button) || gamepad.just_pressed(button);
        let direction = gamepad.left_stick() + gamepad.dpad();
        let dash = is_down(GamepadButton::East) || is_down(GamepadButton::RightTrigger2);
        let punch = is_down(GamepadButton::South) || is_down(GamepadButton::West);
        let is_used = dash || punch || direction.length() > 0.5;
        if let Some(device) = owned.device(entity, is_used) {
            controls.hold(player_of(device, players), direction, dash, punch);
        }
    }
}

impl Owned {
    /// Frees the numbers of the other gamepads.
    fn keep(&mut self, is_plugged: impl Fn(Entity) -> bool) {
        for slot in &mut self.0 {
            *slot = slot.filter(|pad| is_plugged(*pad));
        }
    }

    /// Returns the number of a gamepad. One without a number receives a free one when a player uses it.
    fn device(&mut self, pad: Entity, is_used: bool) -> Option<usize> {
        let number = |slots: &[Option<Entity>], of| slots.iter().position(|slot| *slot == of);
        let found = number(&self.0, Some(pad));
        let free = || number(&self.0, None).filter(|_| is_used);
        let device = found.or_else(free)?;
        self.0[device] = Some(pad);
        Some(device)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gamepad_keeps_its_player_when_the_other_one_is_unplugged() {
        let [first, second, third] = [1, 2, 3].map(|id| Entity::from_raw_u32(id).unwrap());
        let mut owned = Owned::default();
        assert_eq!(owned.device(second, false), None);
        assert_eq!(owned.device(second, true), Some(0));
        assert_eq!(owned.device(first, true), Some(1));
        assert_eq!(owned.device(third, true), None);
        owned.keep(|pad| pad != second);
        assert_eq!(owned.device(first, true), Some(1));
        assert_eq!(owned.device(third, true), Some(0));
    }
}
