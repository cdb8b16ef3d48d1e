//! Two ships shoot at each other. Both players simulate the whole game from the same inputs. The plugin predicts inputs
//! that arrive late, and rolls back if a prediction was wrong. Move with the arrow keys, fire with Space. F3 shows the
//! net graph.

use bevy::prelude::*;
use bevy_huddle::{prelude::*, rollback::*};
use serde::{Deserialize, Serialize};

use crate::url::room_url;

/// What a player holds in a tick.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
struct Pad {
    x: i8,
    y: i8,
    fire: bool,
}

#[derive(Component, Clone, PartialEq, Serialize)]
struct Ship {
    seat: Seat,
    /// The direction in which the ship fires.
    aim: Vec2,
    hits: u32,
}

#[derive(Component, Clone, PartialEq, Serialize)]
struct Bullet {
    from: Seat,
    step: Vec2,
    ticks_left: u32,
}

/// Where a ship or bullet is.
#[derive(Component, Clone, PartialEq, Serialize)]
struct Place(Vec2);

const SPEED: f32 = 4.0;
const BULLET_SPEED: f32 = 9.0;
const HALF_ARENA: Vec2 = Vec2::new(460.0, 260.0);
const COLORS: [Color; 2] = [Color::srgb(0.3, 0.7, 1.0), Color::srgb(1.0, 0.6, 0.2)];

pub(crate) fn app() -> App {
    let mut app = App::new();
    app.add_plugins((DefaultPlugins, HuddlePlugins))
        // The match starts when two players have met.
        .add_plugins(RollbackPlugin::new(read_pad).start_with(2))
        .add_plugins((NetGraphPlugin::default(), DesyncOverlayPlugin))
        // What a rollback restores.
        .rollback_component::<Ship>()
        .rollback_component::<Bullet>()
        .rollback_component::<Place>()
        .add_systems(Startup, setup)
        .add_systems(RollbackStart, spawn_ships)
        .add_systems(RollbackUpdate, (fly, shoot, hit).chain())
        .add_systems(Update, draw);
    app
}

#[derive(Component)]
struct Score;

fn setup(mut commands: Commands) {
    commands.spawn(Camera2d);
    commands.spawn((Score, Text::new("Waiting for another player")));
    commands.join_room(room_url("rollback"));
}

/// Runs once per tick and local seat.
fn read_pad(_: In<Seat>, keys: Res<ButtonInput<KeyCode>>) -> Pad {
    let axis = |minus, plus| i8::from(keys.pressed(plus)) - i8::from(keys.pressed(minus));
    Pad {
        x: axis(KeyCode::ArrowLeft, KeyCode::ArrowRight),
        y: axis(KeyCode::ArrowDown, KeyCode::ArrowUp),
        // A short tap may be over before the next tick.
        fire: keys.pressed(KeyCode::Space) || keys.just_pressed(KeyCode::Space),
    }
}

fn spawn_ships(mut commands: Commands) {
    for (seat, side, color) in [(0, -1.0, COLORS[0]), (1, 1.0, COLORS[1])] {
        let ship = Ship {
            seat: Seat(seat),
            aim: Vec2::new(-side, 0.0),
            hits: 0,
        };
        let place = Place(Vec2::new(300.0 * side, 0.0));
        let sprite = Sprite::from_color(color, Vec2::splat(40.0));
        commands.spawn((Rollback, ship, place, sprite));
    }
}

fn fly(pads: Res<Inputs<Pad>>, mut ships: Query<(&mut Ship, &mut Place)>) {
    for (mut ship, mut place) in &mut ships {
        let pad = &pads[ship.seat];
        if pad.x != 0 || pad.y != 0 {
            ship.aim = Vec2::new(f32::from(pad.x), f32::from(pad.y));
            place.0 = (place.0 + ship.aim * SPEED).clamp(-HALF_ARENA, HALF_ARENA);
        }
    }
}

/// Spawns bullets in the order of the ships, which is the same for all players.
fn shoot(pads: Res<Inputs<Pad>>, ships: InOrder<(&Ship, &Place)>, mut commands: Commands) {
    for (ship, place) in ships.iter() {
        if pads.just_pressed(ship.seat, |pad| pad.fire) {
            let bullet = Bullet {
                from: ship.seat,
                step: ship.aim * BULLET_SPEED,
                ticks_left: 90,
            };
            let sprite = Sprite::from_color(COLORS[ship.seat.index()], Vec2::splat(10.0));
            commands.spawn((Rollback, bullet, place.clone(), sprite));
        }
    }
}

fn hit(
    mut bullets: Query<(Entity, &mut Bullet, &mut Place), Without<Ship>>,
    mut ships: Query<(&mut Ship, &Place)>,
    mut commands: Commands,
) {
    for (entity, mut bullet, mut place) in &mut bullets {
        place.0 += bullet.step;
        bullet.ticks_left -= 1;
        let target = ships.iter_mut().find(|(ship, at)| {
            ship.seat != bullet.from && (at.0 - place.0).abs().max_element() < 25.0
        });
        if target.is_some() || bullet.ticks_left == 0 {
            commands.entity(entity).despawn_rollback();
        }
        if let Some((mut ship, _)) = target {
            ship.hits += 1;
        }
    }
}

fn draw(
    mut placed: Query<(&Place, &mut Transform)>,
    ships: InOrder<&Ship>,
    mut score: Single<&mut Text, With<Score>>,
) {
    for (place, mut transform) in &mut placed {
        transform.translation = place.0.extend(0.0);
    }
    let hits: Vec<_> = ships.iter().map(|ship| ship.hits.to_string()).collect();
    if !hits.is_empty() {
        score.set_if_neq(Text(hits.join(" : ")));
    }
}
