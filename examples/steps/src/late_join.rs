//! Nine lamps with switches. Every player's game builds the same level, and a player who joins late sees the lamps as
//! they are now.
//!
//! Press 1 to 9 to switch a lamp.

use bevy::prelude::*;
use bevy_huddle::{prelude::*, replication::*};
use serde::{Deserialize, Serialize};

use crate::room;

#[derive(Component, Clone, Default, PartialEq, Serialize, Deserialize)]
struct Lamp {
    is_on: bool,
}

const SWITCHES: [KeyCode; 9] = [
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
        .replicate::<Lamp>("lamp")
        .add_systems(Startup, (build_level, join))
        .add_systems(Update, (switch, light, show).chain());
    app
}

/// The number connects a lamp with the same lamp of the other players.
fn build_level(mut commands: Commands) {
    for number in 1..=9 {
        commands.spawn((
            Replicated,
            PlacedId(number),
            OwnershipPolicy::ByTouch,
            Lamp::default(),
            Sprite::from_color(Color::NONE, Vec2::splat(60.0)),
            Transform::from_xyz(80.0 * (number as f32 - 5.0), 0.0, 0.0),
        ));
    }
}

fn join(mut commands: Commands) {
    commands.spawn(Camera2d);
    commands.spawn(Text::default());
    commands.join_room(room("late_join"));
}

/// Only its owner can change a lamp. A touch makes the local player the owner at once.
fn switch(
    keys: Res<ButtonInput<KeyCode>>,
    mut lamps: Query<(Entity, &PlacedId, &mut Lamp)>,
    mut commands: Commands,
) {
    for (number, key) in (1..).zip(SWITCHES) {
        if !keys.just_pressed(key) {
            continue;
        }
        for (entity, _, mut lamp) in lamps.iter_mut().filter(|(_, id, _)| id.0 == number) {
            commands.entity(entity).touch();
            lamp.is_on = !lamp.is_on;
        }
    }
}

fn light(mut lamps: Query<(&Lamp, &mut Sprite), Changed<Lamp>>) {
    for (lamp, mut sprite) in &mut lamps {
        sprite.color = match lamp.is_on {
            true => Color::srgb(1.0, 0.9, 0.4),
            false => Color::srgb(0.2, 0.2, 0.25),
        };
    }
}

fn show(lamps: Query<(&PlacedId, &Lamp)>, huddle: Huddle, mut text: Single<&mut Text>) {
    let mut on: Vec<_> = lamps
        .iter()
        .filter(|(_, lamp)| lamp.is_on)
        .map(|(id, _)| id.0)
        .collect();
    on.sort_unstable();
    let others = huddle.peers().count();
    text.set_if_neq(Text(format!(
        "Press 1 to 9 to switch a lamp\nOther players: {others}\nLamps on: {on:?}"
    )));
}
