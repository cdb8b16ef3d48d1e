//! Players choose names, and start when all of them are ready.
//!
//! Type a name. Press Enter when you are ready.

use bevy::{
    input::keyboard::{Key, KeyboardInput},
    prelude::*,
};
use bevy_huddle::prelude::*;
use serde::{Deserialize, Serialize};

use crate::room;

/// What a player has chosen. Each player changes its own, on its own entity, and sees those of the other players.
#[derive(Component, Clone, Default, Serialize, Deserialize)]
struct Choice {
    name: String,
    is_ready: bool,
}

/// The state of the room. Only the host changes it. A player who joins late receives it, too.
#[derive(Resource, Clone, Default, Serialize, Deserialize)]
struct Lobby {
    has_started: bool,
}

const MAX_LEN: usize = 12;

pub(crate) fn app() -> App {
    let mut app = App::new();
    app.add_plugins((DefaultPlugins, HuddlePlugins))
        .replicate::<Choice>("choice")
        .init_resource::<Lobby>()
        .replicate_resource::<Lobby>("lobby")
        .register_required_components::<LocalPeer, Choice>()
        .add_systems(Startup, setup)
        .add_systems(
            Update,
            (choose, start.run_if(room_playing.and_then(is_host)), show).chain(),
        );
    app
}

fn setup(mut commands: Commands) {
    commands.spawn(Camera2d);
    commands.spawn(Text::default());
    commands.join_room(room("lobby"));
}

fn choose(
    mut keys: MessageReader<KeyboardInput>,
    mut choice: Single<&mut Choice, With<LocalPeer>>,
) {
    for key in keys.read().filter(|key| key.state.is_pressed()) {
        match &key.logical_key {
            Key::Character(text) => choice.name.push_str(text),
            Key::Backspace => _ = choice.name.pop(),
            Key::Enter => choice.is_ready = !choice.is_ready,
            _ => {}
        }
    }
}

/// Runs on the host's machine.
fn start(players: Query<Option<&Choice>, With<Peer>>, mut lobby: ResMut<Lobby>) {
    let is_ready = |choice: Option<&Choice>| choice.is_some_and(|choice| choice.is_ready);
    if !lobby.has_started && players.iter().all(is_ready) {
        lobby.has_started = true;
    }
}

fn show(
    players: Query<(&Peer, &Choice)>,
    lobby: Res<Lobby>,
    huddle: Huddle,
    mut text: Single<&mut Text>,
) {
    let mut lines: Vec<_> = players
        .iter()
        .map(|(peer, choice)| {
            // A name is text from another player. Limit it before you show it.
            let name: String = choice.name.chars().take(MAX_LEN).collect();
            let host = match huddle.host() == Some(peer.id) {
                true => " (host)",
                false => "",
            };
            let ready = if choice.is_ready { "ready" } else { "..." };
            format!("{} {name}{host}: {ready}", peer.id.short())
        })
        .collect();
    lines.sort();
    lines.push(match (lobby.has_started, huddle.peers().count()) {
        (true, _) => "Go!".into(),
        (false, 0) => "Waiting for other players".into(),
        (false, _) => "Type a name, and press Enter when you are ready".into(),
    });
    text.set_if_neq(Text(lines.join("\n")));
}
