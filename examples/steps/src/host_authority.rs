//! Who presses first when the light turns green? Two players cannot agree on that, so one of them decides: the host. If
//! the host leaves, the next one takes over.
//!
//! Press Space when the light is green.

use std::time::Duration;

use bevy::{prelude::*, time::common_conditions::on_timer};
use bevy_huddle::prelude::*;
use serde::{Deserialize, Serialize};

use crate::url::room_url;

/// Only the host changes this. Every player sees it.
#[derive(Resource, Clone, Default, PartialEq, Serialize, Deserialize)]
struct Light {
    is_green: bool,
    /// The winner of the previous round.
    winner: Option<PeerId>,
}

/// A player's request to the host.
#[derive(Serialize, Deserialize)]
struct Press;

pub(crate) fn app() -> App {
    let mut app = App::new();
    app.add_plugins((DefaultPlugins, HuddlePlugins))
        .init_resource::<Light>()
        .replicate_resource::<Light>("light")
        .add_peer_event::<Press>("press")
        .add_systems(Startup, setup)
        .add_systems(
            Update,
            (
                press,
                turn_green.run_if(is_host.and_then(on_timer(Duration::from_secs(3)))),
                show,
            ),
        )
        .add_observer(decide);
    app
}

fn setup(mut commands: Commands) {
    commands.spawn(Camera2d);
    commands.spawn(Text::default());
    commands.join_room(room_url("host_authority"));
}

/// Sends the request to the host, which may be the local player.
fn press(keys: Res<ButtonInput<KeyCode>>, huddle: Huddle, mut commands: Commands) {
    if let Some(host) = huddle.host()
        && keys.just_pressed(KeyCode::Space)
    {
        commands.send_to(host, Press);
    }
}

/// Runs on every machine that receives a request, but only the host decides.
fn decide(press: On<FromPeer<Press>>, huddle: Huddle, mut light: ResMut<Light>) {
    if huddle.is_host() && light.is_green {
        light.is_green = false;
        light.winner = Some(press.peer_id);
    }
}

/// Runs on the host's machine.
fn turn_green(mut light: ResMut<Light>) {
    light.is_green = true;
}

fn show(
    light: Res<Light>,
    huddle: Huddle,
    mut background: ResMut<ClearColor>,
    mut text: Single<&mut Text>,
) {
    let (color, line) = if light.is_green {
        (Color::srgb(0.05, 0.35, 0.05), "Press Space!")
    } else {
        (Color::srgb(0.35, 0.05, 0.05), "Wait for green")
    };
    background.0 = color;
    let winner = match light.winner {
        Some(winner) if huddle.local_id() == Some(winner) => "You were first".into(),
        Some(winner) => format!("{} was first", winner.short()),
        None => "Nobody has won yet".into(),
    };
    let role = match huddle.host() {
        Some(_) if huddle.is_host() => "You decide".into(),
        Some(host) => format!("{} decides", host.short()),
        None => "Waiting for the room".into(),
    };
    text.set_if_neq(Text(format!("{line}\n{winner}\n{role}")));
}
