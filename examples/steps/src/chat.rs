//! Players write to each other. Each line is an event: it arrives once, and in order.
//!
//! Type a line and press Enter.

use bevy::{
    input::keyboard::{Key, KeyboardInput},
    prelude::*,
};
use bevy_huddle::prelude::*;
use serde::{Deserialize, Serialize};

use crate::room;

#[derive(Serialize, Deserialize)]
struct Line(String);

/// The lines on the screen, and the line that the player types.
#[derive(Resource, Default)]
struct Chat {
    lines: Vec<String>,
    draft: String,
}

const MAX_LEN: usize = 80;
const MAX_LINES: usize = 20;

pub(crate) fn app() -> App {
    let mut app = App::new();
    app.add_plugins((DefaultPlugins, HuddlePlugins))
        .add_peer_event::<Line>("line")
        .init_resource::<Chat>()
        .add_systems(Startup, setup)
        .add_systems(Update, (type_line, show).chain())
        .add_observer(on_line)
        .add_observer(on_joined)
        .add_observer(on_left);
    app
}

fn setup(mut commands: Commands) {
    commands.spawn(Camera2d);
    commands.spawn(Text::default());
    commands.join_room(room("chat"));
}

fn type_line(
    mut keys: MessageReader<KeyboardInput>,
    mut chat: ResMut<Chat>,
    mut commands: Commands,
) {
    for key in keys.read().filter(|key| key.state.is_pressed()) {
        match &key.logical_key {
            Key::Character(text) => chat.draft.push_str(text),
            Key::Space => chat.draft.push(' '),
            Key::Backspace => _ = chat.draft.pop(),
            // `All` includes the local player, so every player's lines take the same path.
            Key::Enter => commands.send_to(Recipients::All, Line(std::mem::take(&mut chat.draft))),
            _ => {}
        }
    }
}

impl Chat {
    fn add(&mut self, line: String) {
        self.lines.push(line);
        if self.lines.len() > MAX_LINES {
            self.lines.remove(0);
        }
    }
}

fn on_line(line: On<FromPeer<Line>>, mut chat: ResMut<Chat>) {
    // The plugin decodes events safely. Only the game can decide what is allowed.
    let allowed = line.message.0.chars().filter(|c| !c.is_control());
    let text: String = allowed.take(MAX_LEN).collect();
    chat.add(format!("{}: {text}", line.peer_id.short()));
}

fn on_joined(joined: On<PeerJoined>, mut chat: ResMut<Chat>) {
    chat.add(format!("{} is here", joined.peer_id.short()));
}

fn on_left(left: On<PeerLeft>, mut chat: ResMut<Chat>) {
    chat.add(format!("{} has left", left.peer_id.short()));
}

fn show(chat: Res<Chat>, mut text: Single<&mut Text>) {
    if chat.is_changed() {
        let lines = chat.lines.join("\n");
        text.0 = format!("{lines}\n\nType a line and press Enter\n> {}_", chat.draft);
    }
}
