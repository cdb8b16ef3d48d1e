//! Only players with the same password play together.
//!
//! Press 1 to join with the right password, or 2 to join with a wrong one.

use bevy::prelude::*;
use bevy_huddle::prelude::*;

use crate::room;

const RIGHT: &str = "swordfish";
const WRONG: &str = "herring";

/// The last message about a player.
#[derive(Resource, Default)]
struct News(String);

pub(crate) fn app() -> App {
    let mut app = App::new();
    app.add_plugins((DefaultPlugins, HuddlePlugins))
        .init_resource::<News>()
        // Each player's game checks the password of each player who joins.
        .admit_peers(|request| match request.data == RIGHT.as_bytes() {
            true => Ok(()),
            false => Err("the password is wrong".to_owned()),
        })
        .add_systems(Startup, setup)
        .add_systems(Update, (join, show))
        .add_observer(on_joined)
        .add_observer(on_refused);
    app
}

fn setup(mut commands: Commands) {
    commands.spawn(Camera2d);
    commands.spawn(Text::default());
}

fn join(keys: Res<ButtonInput<KeyCode>>, mut news: ResMut<News>, mut commands: Commands) {
    for (key, password) in [(KeyCode::Digit1, RIGHT), (KeyCode::Digit2, WRONG)] {
        if keys.just_pressed(key) {
            news.0.clear();
            commands.leave_rooms();
            commands.join_room(RoomOptions::new(room("password")).join_data(password));
        }
    }
}

fn on_joined(joined: On<PeerJoined>, mut news: ResMut<News>) {
    news.0 = format!("{} is here", joined.peer_id.short());
}

/// Triggered at both players. The text is from the game that refused.
fn on_refused(refused: On<PeerRefused>, mut news: ResMut<News>) {
    news.0 = format!("Not with {}: {}", refused.peer_id.short(), refused.refusal);
}

fn show(huddle: Huddle, news: Res<News>, mut text: Single<&mut Text>) {
    let status = match huddle.status() {
        None => "Press 1 to join with the right password, or 2 with a wrong one".into(),
        Some(status) => format!("{status}, other players: {}", huddle.peers().count()),
    };
    text.set_if_neq(Text(format!("{status}\n{}", news.0)));
}
