//! What the player does with the interface, with a button or a key.

use bevy::prelude::*;
use bevy_huddle::{prelude::*, rollback::*};
use example_kit::Options;

use crate::{lobby::Entrant, playing::is_playing};

/// Something that the player does.
#[derive(Component, Event, Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Action {
    /// Wants to play the next match, or no longer.
    Ready,
    /// Takes the next color.
    Color,
    /// Takes the next name.
    Name,
    /// Adds or removes the second player at this machine.
    Guest,
    /// Shows or hides the invitation.
    Invite,
    /// Leaves the match, and stays in the room.
    LeaveMatch,
    /// Leaves the room.
    LeaveRoom,
    /// Joins the room again.
    JoinRoom,
}

/// Whether the player wants to see the invitation. `None` shows it while nobody else is there.
#[derive(Resource, Default)]
pub(super) struct ShowInvitation(pub(super) Option<bool>);

/// The time for which keys do nothing in the lobby after a match, because players still press them to fight.
const GUARD: f32 = 0.8;

pub(super) fn plugin(app: &mut App) {
    app.init_resource::<ShowInvitation>()
        .add_systems(Update, press_keys)
        .add_observer(act);
}

fn press_keys(
    keys: Res<ButtonInput<KeyCode>>,
    gamepads: Query<&Gamepad>,
    status: Res<MatchStatus>,
    phase: Res<State<crate::simulation::Phase>>,
    huddle: Huddle,
    time: Res<Time<Real>>,
    mut lobby_since: Local<Option<f32>>,
    mut commands: Commands,
) {
    if is_playing(&status, &phase) {
        *lobby_since = None;
        if keys.just_pressed(KeyCode::Escape) {
            commands.trigger(Action::LeaveMatch);
        }
        return;
    }
    let now = time.elapsed_secs();
    if now - *lobby_since.get_or_insert(now) < GUARD {
        return;
    }
    let is_in_room = huddle.local_id().is_some();
    let start = [KeyCode::Enter, KeyCode::NumpadEnter, KeyCode::Space];
    let has_started = keys.any_just_pressed(start)
        || gamepads
            .iter()
            .any(|gamepad| gamepad.any_just_pressed([GamepadButton::South, GamepadButton::Start]));
    if has_started {
        commands.trigger(if is_in_room {
            Action::Ready
        } else {
            Action::JoinRoom
        });
    }
    let others = [
        (KeyCode::Digit1, Action::Color),
        (KeyCode::Digit2, Action::Name),
        (KeyCode::Digit3, Action::Guest),
        (KeyCode::KeyI, Action::Invite),
    ];
    for (key, action) in others {
        if keys.just_pressed(key) {
            commands.trigger(action);
        }
    }
}

fn act(
    action: On<Action>,
    options: Res<Options>,
    huddle: Huddle,
    mut entrant: ResMut<Entrant>,
    mut invitation: ResMut<ShowInvitation>,
    mut commands: Commands,
) {
    match *action {
        // netcode: begin
        Action::LeaveMatch => commands.leave_match(),
        Action::LeaveRoom => {
            entrant.is_ready = false;
            commands.leave_rooms();
        }
        Action::JoinRoom => {
            if huddle.room().is_none() {
                commands.join_room(options.room());
            }
        }
        // netcode: end
        Action::Ready => entrant.is_ready = !entrant.is_ready,
        Action::Color | Action::Name => {
            let is_color = *action == Action::Color;
            if let Some(id) = huddle.local_id() {
                entrant.change_look(id, u8::from(is_color), u8::from(!is_color));
            }
        }
        Action::Guest => entrant.toggle_guest(),
        Action::Invite => {
            let is_shown = invitation.0.unwrap_or(huddle.peers().next().is_none());
            invitation.0 = Some(!is_shown);
        }
    }
}
