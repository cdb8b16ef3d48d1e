//! Players see the open rooms of the game on the server, join one of them, or create a new one.
//!
//! Press N for a new room, or 1 to 9 to join a room of the list. In a room, press L to leave it. The player who has been in
//! the room longest can press C to close or open it.

use std::time::Duration;

use bevy::{prelude::*, time::common_conditions::on_timer};
use bevy_huddle::{Signaling, prelude::*};

use crate::url::room_url;

/// The rooms that the player can join.
#[derive(Resource, Default)]
struct Browser {
    rooms: Vec<ListedRoom>,
    /// Why the list or the last room does not work.
    problem: String,
    /// The URL of the last room.
    last: Option<String>,
}

const REFRESH: Duration = Duration::from_secs(2);
/// The number of players in a room.
const CAPACITY: u8 = 4;
const TITLES: [&str; 5] = [
    "Quiet lake",
    "Old mill",
    "Red cave",
    "Far island",
    "Tall tree",
];
const MAX_LEN: usize = 20;

const DIGITS: [KeyCode; 9] = [
    KeyCode::Digit1,
    KeyCode::Digit2,
    KeyCode::Digit3,
    KeyCode::Digit4,
    KeyCode::Digit5,
    KeyCode::Digit6,
    KeyCode::Digit7,
    KeyCode::Digit8,
    KeyCode::Digit9,
];

pub(crate) fn app() -> App {
    let mut app = App::new();
    app.add_plugins((DefaultPlugins, HuddlePlugins))
        .init_resource::<Browser>()
        .add_systems(Startup, (setup, refresh))
        .add_systems(
            Update,
            (refresh.run_if(on_timer(REFRESH)), choose, play, show).chain(),
        )
        .add_observer(on_listed)
        .add_observer(on_list_failed)
        .add_observer(on_room_failed);
    app
}

fn setup(mut commands: Commands) {
    commands.spawn(Camera2d);
    commands.spawn(Text::default());
}

/// Returns the URL of the game. Its rooms are `URL/ROOM`.
fn game_url() -> String {
    room_url("server_browser")
}

fn refresh(huddle: Huddle, mut commands: Commands) {
    if huddle.room().is_none() {
        commands.list_rooms(game_url());
    }
}

fn on_listed(listed: On<RoomsListed>, mut browser: ResMut<Browser>) {
    browser.rooms = listed.rooms.clone();
    browser.problem.clear();
}

fn on_list_failed(failed: On<ListRoomsFailed>, mut browser: ResMut<Browser>) {
    browser.rooms.clear();
    browser.problem = failed.error.to_string();
}

fn on_room_failed(failed: On<RoomFailed>, mut browser: ResMut<Browser>, mut commands: Commands) {
    browser.problem = failed.error.to_string();
    commands.leave_room(failed.entity);
}

/// Creates or joins a room.
fn choose(
    keys: Res<ButtonInput<KeyCode>>,
    huddle: Huddle,
    mut browser: ResMut<Browser>,
    mut commands: Commands,
) {
    if huddle.room().is_some() {
        return;
    }
    let digit = DIGITS.iter().position(|key| keys.just_pressed(*key));
    let chosen = digit.and_then(|number| browser.rooms.get(number));
    let (url, title) = if keys.just_pressed(KeyCode::KeyN) {
        let url = format!("{}/{:08x}", game_url(), fastrand::u32(..));
        (url, Some(TITLES[fastrand::usize(..TITLES.len())]))
    } else if let Some(room) = chosen {
        (room.url.clone(), None)
    } else if let (true, Some(last)) = (keys.just_pressed(KeyCode::KeyR), &browser.last) {
        (last.clone(), None)
    } else {
        return;
    };
    // All players of a room have the same capacity. Only the player who creates it lists it.
    let options = RoomOptions::new(&url).capacity(CAPACITY);
    commands.join_room(match title {
        Some(title) => options.listed(title),
        None => options,
    });
    browser.last = Some(url);
}

fn play(
    keys: Res<ButtonInput<KeyCode>>,
    rooms: Query<(Entity, &RoomSettings)>,
    mut commands: Commands,
) {
    if keys.just_pressed(KeyCode::KeyL) {
        commands.leave_rooms();
    }
    for (room, settings) in &rooms {
        if settings.is_keeper && keys.just_pressed(KeyCode::KeyC) {
            commands.set_room_open(room, !settings.is_open);
        }
    }
}

/// A title is text from another player. Limit it before you show it.
fn title(metadata: &str) -> String {
    let printable = metadata.chars().filter(|c| !c.is_control());
    printable.take(MAX_LEN).collect()
}

fn show(
    huddle: Huddle,
    rooms: Query<(&SignalingStatus, Option<&RoomSettings>)>,
    browser: Res<Browser>,
    mut text: Single<&mut Text>,
) {
    let room = huddle.room().and_then(|room| rooms.get(room).ok());
    let mut lines = Vec::new();
    match room {
        None => {
            lines.push("Press N for a new room, or 1 to 9 to join a room".to_owned());
            for (number, room) in browser.rooms.iter().enumerate().take(DIGITS.len()) {
                let title = title(&room.metadata);
                let (players, capacity) = (room.players, room.capacity);
                lines.push(format!("{}: {title}, {players}/{capacity}", number + 1));
            }
            if browser.rooms.is_empty() {
                lines.push("There is no open room".to_owned());
            }
            if browser.last.is_some() {
                lines.push("Press R to return to the last room".to_owned());
            }
            lines.push(browser.problem.clone());
        }
        Some((signaling, settings)) => {
            if let Signaling::Retrying { reason, .. } = &signaling.0 {
                lines.push(reason.to_string());
            }
            if let Some(settings) = settings {
                let (title, players) = (title(&settings.metadata), huddle.peers().count() + 1);
                let state = if settings.is_open { "open" } else { "closed" };
                lines.push(format!("{title}, players: {players}, {state}"));
                lines.extend(
                    settings
                        .is_keeper
                        .then(|| "Press C to close or open it".to_owned()),
                );
            }
            lines.push("Press L to leave".to_owned());
        }
    }
    text.set_if_neq(Text(lines.join("\n")));
}
