//! What the player does with the interface, with a button or a key.

use std::time::Duration;

use bevy::prelude::*;
use bevy_huddle::{prelude::*, rollback::*};
use example_kit::Options;

use crate::{lobby::LocalEntrant, playing::is_playing, simulation::Phase};

/// Something that the player does.
#[derive(Component, Event, Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Action {
    /// Toggles whether the player wants to play the next match.
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

/// The time for which keys and buttons do nothing after a match, because players still press them to fight.
const GUARD: Duration = Duration::from_millis(800);

/// The time since the match was over.
#[derive(Resource, Default)]
pub(super) struct Guard(Option<Duration>);

impl Guard {
    /// Returns whether what players press may still be meant for the match.
    pub(super) fn is_active(&self) -> bool {
        self.0.is_some_and(|since| since < GUARD)
    }
}

pub(super) fn plugin(app: &mut App) {
    app.init_resource::<ShowInvitation>()
        .init_resource::<Guard>()
        .add_systems(PreUpdate, guard)
        .add_systems(Update, press_keys)
        .add_observer(act);
}

fn guard(
    status: Res<MatchStatus>,
    phase: Res<State<Phase>>,
    time: Res<Time<Real>>,
    mut guard: ResMut<Guard>,
    mut was_playing: Local<bool>,
) {
    let plays = is_playing(&status, &phase);
    guard.0 = match guard.0 {
        _ if plays => None,
        _ if *was_playing => Some(Duration::ZERO),
        since => since.map(|since| since + time.delta()),
    };
    *was_playing = plays;
}

fn press_keys(
    keys: Res<ButtonInput<KeyCode>>,
    gamepads: Query<&Gamepad>,
    status: Res<MatchStatus>,
    phase: Res<State<Phase>>,
    huddle: Huddle,
    rooms: Query<&RoomStatus>,
    entrant: Res<LocalEntrant>,
    guard: Res<Guard>,
    mut commands: Commands,
) {
    if is_playing(&status, &phase) {
        if keys.just_pressed(KeyCode::Escape) {
            commands.trigger(Action::LeaveMatch);
        }
        return;
    }
    if guard.is_active() {
        return;
    }
    let is_in_room = huddle.local_id().is_some();
    let start = [KeyCode::Enter, KeyCode::NumpadEnter, KeyCode::Space];
    let has_started = keys.any_just_pressed(start)
        || gamepads
            .iter()
            .any(|gamepad| gamepad.any_just_pressed([GamepadButton::South, GamepadButton::Start]));
    let can_join = rooms.iter().all(|status| *status == RoomStatus::Failed);
    if has_started && can_join {
        commands.trigger(Action::JoinRoom);
    }
    // Two players at one machine may both press their keys, so these never take it back.
    if has_started && is_in_room && !entrant.is_ready
        || keys.just_pressed(KeyCode::Escape) && entrant.is_ready
    {
        commands.trigger(Action::Ready);
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
    mut entrant: ResMut<LocalEntrant>,
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
            commands.leave_rooms();
            commands.join_room(options.room());
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
