//! Two ships shoot at each other. Both players simulate the whole game from the same inputs, and the
//! plugin rolls back when an input arrives late. The mouse pointers are not part of the simulation, so they are
//! replicated. Move with the arrow keys, fire with the space bar. F3 shows the net graph.

use bevy::prelude::*;
use bevy_huddle::{prelude::*, replication::*, rollback::*};
use serde::{Deserialize, Serialize};

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
    aim: [i8; 2],
    hits: u32,
}

#[derive(Component, Clone, PartialEq, Serialize)]
struct Bullet {
    from: Seat,
    step: [f32; 2],
    ticks_left: u32,
}

/// Where a ship or bullet is.
#[derive(Component, Clone, PartialEq, Serialize)]
struct Place {
    x: f32,
    y: f32,
}

/// Where a player points, on the entity of its peer. Other players see it a little later, and it never
/// causes a rollback.
#[derive(Component, Clone, Copy, PartialEq, Default)]
#[require(Transform)]
struct Cursor(Vec2);

/// A bullet has hit a ship.
#[derive(Clone, PartialEq)]
struct Hit {
    seat: Seat,
}

const SPEED: f32 = 4.0;
const BULLET_SPEED: f32 = 9.0;
const HALF_WIDTH: f32 = 460.0;
const HALF_HEIGHT: f32 = 260.0;
const COLORS: [Color; 2] = [Color::srgb(0.3, 0.7, 1.0), Color::srgb(1.0, 0.6, 0.2)];

fn main() {
    App::new()
        .add_plugins((DefaultPlugins, HuddlePlugins))
        .add_plugins(RollbackPlugin::new(read_pad).start_with(2))
        .add_plugins((NetGraphPlugin::default(), DesyncOverlayPlugin))
        .rollback_component::<Ship>()
        .rollback_component::<Bullet>()
        .rollback_component::<Place>()
        .rollback_effect::<Hit>()
        .replicate_with::<Cursor>("cursor", |rule| {
            rule.vec2(
                |cursor| cursor.0,
                |cursor, at| cursor.0 = at,
                within(2000.0).step(0.5),
            )
            .draw(|cursor, transform| transform.translation = cursor.0.extend(1.0))
        })
        .add_systems(Startup, join)
        .add_systems(RollbackStart, spawn_ships)
        .add_systems(RollbackUpdate, (fly, shoot, hit).chain())
        .add_systems(Update, (draw, show_hits, point))
        .add_observer(flash)
        .add_observer(add_cursor)
        .add_observer(show_cursor)
        .run();
}

fn join(mut commands: Commands) {
    commands.spawn(Camera2d);
    let text = Text2d::new("Waiting for another player");
    commands.spawn((Score, text, Transform::from_xyz(0.0, 320.0, 0.0)));
    commands.join_room("ws://localhost:3536/rollback");
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

fn spawn_ships(status: Res<MatchStatus>, mut commands: Commands) {
    for (seat, side) in [(Seat(0), -1), (Seat(1), 1)] {
        if seat.index() < status.seats.len() {
            let ship = Ship {
                seat,
                aim: [-side, 0],
                hits: 0,
            };
            let x = f32::from(side) * 300.0;
            let sprite = Sprite::from_color(COLORS[seat.index()], Vec2::splat(40.0));
            commands.spawn((Rollback, ship, Place { x, y: 0.0 }, sprite));
        }
    }
}

fn fly(pads: Res<Inputs<Pad>>, mut ships: Query<(&mut Ship, &mut Place)>) {
    for (mut ship, mut place) in &mut ships {
        let pad = &pads[ship.seat];
        if pad.x != 0 || pad.y != 0 {
            ship.aim = [pad.x, pad.y];
            place.x = (place.x + f32::from(pad.x) * SPEED).clamp(-HALF_WIDTH, HALF_WIDTH);
            place.y = (place.y + f32::from(pad.y) * SPEED).clamp(-HALF_HEIGHT, HALF_HEIGHT);
        }
    }
}

/// Spawns bullets in the order of the ships, which is the same for all players.
fn shoot(pads: Res<Inputs<Pad>>, ships: InOrder<(&Ship, &Place)>, mut commands: Commands) {
    for (ship, place) in ships.iter() {
        if pads.just_pressed(ship.seat, |pad| pad.fire) {
            let bullet = Bullet {
                from: ship.seat,
                step: ship.aim.map(|axis| f32::from(axis) * BULLET_SPEED),
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
    mut hits: EffectWriter<Hit>,
    mut commands: Commands,
) {
    for (entity, mut bullet, mut place) in &mut bullets {
        place.x += bullet.step[0];
        place.y += bullet.step[1];
        bullet.ticks_left -= 1;
        let is_hit = |ship: &Ship, at: &Place| {
            ship.seat != bullet.from
                && (at.x - place.x).abs() < 25.0
                && (at.y - place.y).abs() < 25.0
        };
        let target = ships.iter_mut().find(|(ship, at)| is_hit(ship, at));
        let is_over = target.is_some() || bullet.ticks_left == 0;
        if let Some((mut ship, _)) = target {
            ship.hits += 1;
            hits.write(Hit { seat: ship.seat });
        }
        if is_over {
            commands.entity(entity).despawn_rollback();
        }
    }
}

/// The text with the score.
#[derive(Component)]
struct Score;

fn draw(mut placed: Query<(&Place, &mut Transform)>) {
    for (place, mut transform) in &mut placed {
        transform.translation = Vec3::new(place.x, place.y, 0.0);
    }
}

fn show_hits(ships: Query<Ref<Ship>>, mut score: Single<&mut Text2d, With<Score>>) {
    if ships.iter().any(|ship| ship.is_changed()) {
        let mut hits: Vec<_> = ships.iter().map(|ship| (ship.seat, ship.hits)).collect();
        hits.sort_unstable();
        let hits: Vec<_> = hits.iter().map(|(_, hits)| hits.to_string()).collect();
        score.0 = hits.join(" : ");
    }
}

/// Effects are outside the simulation. A rollback never plays one twice.
fn flash(hit: On<EffectStarted<Hit>>, mut ships: Query<(&Ship, &mut Sprite)>) {
    for (ship, mut sprite) in &mut ships {
        if ship.seat == hit.effect.seat {
            sprite.color = sprite.color.mix(&Color::WHITE, 0.1);
        }
    }
}

/// Other players see this component on the entity of this peer.
fn add_cursor(added: On<Add, LocalPeer>, mut commands: Commands) {
    commands.entity(added.entity).insert(Cursor::default());
}

fn show_cursor(added: On<Add, Cursor>, mut commands: Commands) {
    let color = Color::WHITE.with_alpha(0.5);
    let sprite = Sprite::from_color(color, Vec2::splat(8.0));
    commands.entity(added.entity).insert(sprite);
}

fn point(
    window: Single<&Window>,
    camera: Single<(&Camera, &GlobalTransform)>,
    mut cursor: Single<&mut Cursor, With<LocalPeer>>,
) {
    let (camera, place) = *camera;
    let position = window.cursor_position();
    if let Some(at) = position.and_then(|at| camera.viewport_to_world_2d(place, at).ok()) {
        cursor.set_if_neq(Cursor(at));
    }
}
