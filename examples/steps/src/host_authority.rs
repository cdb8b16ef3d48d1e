//! Who presses first when the light turns green? Two players cannot agree on that, so one of them decides: the host. If
//! the host leaves, the next one takes over.
//!
//! Press Space when the light is green.

use std::time::Duration;

use bevy::{prelude::*, time::common_conditions::on_timer};
use bevy_huddle::prelude::*;
use serde::{Deserialize, Serialize};

use crate::room;

/// Only the host changes this. Every player sees it.
#[derive(Resource, Clone, Default, PartialEq, Serialize, Deserialize)]
enum Light {
    #[default]
    Red,
    Green,
    Won(PeerId),
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
                switch.run_if(is_host.and_then(on_timer(Duration::from_secs(3)))),
                show,
            ),
        )
        .add_observer(decide);
    app
}

fn setup(mut commands: Commands) {
    commands.spawn(Camera2d);
    commands.spawn(Text::default());
    commands.join_room(room("host_authority"));
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
    if huddle.is_host() && *light == Light::Green {
        *light = Light::Won(press.peer_id);
    }
}

/// Runs on the host's machine.
fn switch(mut light: ResMut<Light>) {
    match *light {
        Light::Red => *light = Light::Green,
        Light::Green => {}
        Light::Won(_) => *light = Light::Red,
    }
}

fn show(
    light: Res<Light>,
    huddle: Huddle,
    mut background: ResMut<ClearColor>,
    mut text: Single<&mut Text>,
) {
    let (color, line) = match *light {
        Light::Red => (Color::srgb(0.35, 0.05, 0.05), "Wait for green".into()),
        Light::Green => (Color::srgb(0.05, 0.35, 0.05), "Press Space!".into()),
        Light::Won(player) if huddle.local_id() == Some(player) => {
            (Color::srgb(0.1, 0.1, 0.4), "You were first".into())
        }
        Light::Won(player) => (
            Color::srgb(0.1, 0.1, 0.1),
            format!("{} was first", player.short()),
        ),
    };
    background.0 = color;
    let role = match huddle.host() {
        Some(_) if huddle.is_host() => "You decide".into(),
        Some(host) => format!("{} decides", host.short()),
        None => "Waiting for the room".into(),
    };
    text.set_if_neq(Text(format!("{line}\n{role}")));
}
