//! What the local players hold.

use bevy::prelude::*;

use crate::{lobby::MAX_LOCAL, pad::Pad};

/// What the local players hold. Devices add to it in every frame, and a tick takes it.
#[derive(Resource, Default)]
pub(crate) struct Controls([Player; MAX_LOCAL]);

/// What a local player holds.
#[derive(Clone, Copy, Default)]
struct Player {
    direction: Vec2,
    dash: Button,
    punch: Button,
}

/// A button. A tap between two ticks still counts.
#[derive(Clone, Copy, Default)]
struct Button {
    is_down: bool,
    was_pressed: bool,
}

impl Button {
    fn hold(&mut self, is_down: bool) {
        self.is_down |= is_down;
        self.was_pressed |= is_down;
    }

    fn take(&mut self) -> bool {
        std::mem::take(&mut self.was_pressed) || self.is_down
    }
}

impl Controls {
    /// Returns the input of a local player for the next tick.
    pub(crate) fn take(&mut self, player: usize) -> Pad {
        let Some(player) = self.0.get_mut(player) else {
            return Pad::default();
        };
        Pad::new(player.direction, player.dash.take(), player.punch.take())
    }

    /// Adds what a device of a local player holds in this frame.
    pub(super) fn hold(&mut self, player: usize, direction: Vec2, dash: bool, punch: bool) {
        if let Some(player) = self.0.get_mut(player) {
            player.direction += direction;
            player.dash.hold(dash);
            player.punch.hold(punch);
        }
    }
}

/// Releases everything before the devices report what is held.
pub(super) fn release(mut controls: ResMut<Controls>) {
    for player in &mut controls.0 {
        player.direction = Vec2::ZERO;
        player.dash.is_down = false;
        player.punch.is_down = false;
    }
}

/// Returns the local player that the device with this number controls. With one player, it is always that one.
pub(super) fn player_of(device: usize, players: usize) -> usize {
    device.min(players.saturating_sub(1))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tap_between_two_ticks_counts_once() {
        let mut controls = Controls::default();
        controls.hold(0, Vec2::ZERO, true, false);
        controls.0[0].dash.is_down = false;
        assert!(controls.take(0).dash);
        assert!(!controls.take(0).dash);
    }

    #[test]
    fn held_button_stays_down() {
        let mut controls = Controls::default();
        controls.hold(1, Vec2::X, false, true);
        assert!(controls.take(1).punch && controls.take(1).punch);
        assert_eq!(controls.take(0), Pad::default());
    }
}
