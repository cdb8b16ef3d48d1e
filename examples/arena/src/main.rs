//! Two players hunt each other between walls, in rounds. Move with the arrow keys or WASD, fire with the
//! space bar or Enter.
//!
//! This is a port of the tutorial game [Extreme Bevy](https://johanhelsing.studio/posts/extreme-bevy) by Johan
//! Helsing, which uses bevy_ggrs and bevy_matchbox. `docs/migrating.md` compares the two.

use bevy::{camera::ScalingMode, prelude::*};
use bevy_huddle::{prelude::*, rollback::*};
use serde::{Deserialize, Serialize};

/// The length of a side of the map.
const MAP_SIZE: f32 = 41.0;
const WALLS: u32 = 20;
const HUNTER_SPEED: f32 = 6.0;
const HUNTER_RADIUS: f32 = 0.5;
const BULLET_SPEED: f32 = 20.0;
const HIT_DISTANCE: f32 = 0.5;
/// The time between two rounds, in ticks.
const PAUSE: u32 = 64;
const COLORS: [Color; 2] = [Color::srgb(0.3, 0.7, 1.0), Color::srgb(1.0, 0.6, 0.2)];
const GRAY: Color = Color::srgb(0.27, 0.27, 0.27);

/// What a player holds in a tick.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
struct Pad {
    x: i8,
    y: i8,
    fire: bool,
}

#[derive(States, Clone, Debug, Default, PartialEq, Eq, Hash, Serialize)]
enum Round {
    #[default]
    Playing,
    Over,
}

#[derive(Component, Clone, PartialEq, Serialize)]
#[require(Rollback)]
struct Hunter {
    seat: Seat,
    aim: Vec2,
}

#[derive(Component, Clone, PartialEq, Serialize)]
#[require(Rollback)]
struct Bullet {
    from: Seat,
    aim: Vec2,
}

#[derive(Component, Clone, PartialEq, Serialize)]
#[require(Rollback)]
struct Wall {
    size: Vec2,
}

#[derive(Resource, Clone, Default, PartialEq, Serialize)]
struct Scores([u32; 2]);

/// The ticks until the next round.
#[derive(Resource, Clone, Default, PartialEq, Serialize)]
struct Pause(u32);

/// The text with the score.
#[derive(Component)]
struct Score;

fn main() {
    App::new()
        .add_plugins((DefaultPlugins, HuddlePlugins))
        .add_plugins(RollbackPlugin::new(read_pad).start_with(2))
        .rollback_component::<Transform>()
        .rollback_component::<Hunter>()
        .rollback_component::<Bullet>()
        .rollback_component::<Wall>()
        .rollback_resource::<Scores>()
        .rollback_resource::<Pause>()
        .rollback_state::<Round>()
        .insert_resource(ClearColor(Color::srgb(0.53, 0.53, 0.53)))
        .add_systems(Startup, (show_map, join))
        .add_systems(
            OnEnter(Round::Playing),
            (build_walls, spawn_hunters).chain(),
        )
        .add_systems(OnEnter(Round::Over), |mut pause: ResMut<Pause>| {
            pause.0 = PAUSE
        })
        .add_systems(
            RollbackUpdate,
            (move_hunters, fire, move_bullets, hit)
                .chain()
                .run_if(in_state(Round::Playing)),
        )
        .add_systems(
            RollbackUpdate,
            count_down.after(hit).run_if(in_state(Round::Over)),
        )
        .add_systems(Update, (follow_hunter, show_score))
        .run();
}

fn join(mut commands: Commands) {
    commands.join_room("ws://localhost:3536/arena");
}

fn show_map(mut commands: Commands) {
    let lines = (0..=MAP_SIZE as i32).map(|i| i as f32 - MAP_SIZE / 2.0);
    for at in lines {
        let line = Sprite::from_color(GRAY, Vec2::new(MAP_SIZE, 0.05));
        commands.spawn((line, Transform::from_xyz(0.0, at, 0.0)));
        let line = Sprite::from_color(GRAY, Vec2::new(0.05, MAP_SIZE));
        commands.spawn((line, Transform::from_xyz(at, 0.0, 0.0)));
    }
    let scaling_mode = ScalingMode::AutoMax {
        max_width: 16.0,
        max_height: 9.0,
    };
    let projection = OrthographicProjection {
        scaling_mode,
        ..OrthographicProjection::default_2d()
    };
    let text = (
        Score,
        Text2d::new("Waiting for another player"),
        TextColor(Color::WHITE),
        Transform::from_xyz(0.0, 3.6, 300.0).with_scale(Vec3::splat(0.03)),
    );
    commands.spawn((
        Camera2d,
        Projection::Orthographic(projection),
        children![text],
    ));
}

fn read_pad(_: In<Seat>, keys: Res<ButtonInput<KeyCode>>) -> Pad {
    let axis = |minus, plus| i8::from(keys.any_pressed(plus)) - i8::from(keys.any_pressed(minus));
    let fire = [KeyCode::Space, KeyCode::Enter];
    Pad {
        x: axis(
            [KeyCode::ArrowLeft, KeyCode::KeyA],
            [KeyCode::ArrowRight, KeyCode::KeyD],
        ),
        y: axis(
            [KeyCode::ArrowDown, KeyCode::KeyS],
            [KeyCode::ArrowUp, KeyCode::KeyW],
        ),
        // A short tap may be over before the next tick.
        fire: keys.any_pressed(fire) || keys.any_just_pressed(fire),
    }
}

fn build_walls(mut rng: ResMut<RollbackRng>, mut commands: Commands) {
    for _ in 0..WALLS {
        let size = UVec2::new(1 + rng.below(9), 1 + rng.below(9));
        let free = UVec2::splat(MAP_SIZE as u32 + 1) - size;
        let corner = UVec2::new(rng.below(free.x), rng.below(free.y));
        let (size, corner) = (size.as_vec2(), corner.as_vec2());
        let center = corner + size / 2.0 - MAP_SIZE / 2.0;
        commands.spawn((
            Wall { size },
            Transform::from_translation(center.extend(10.0)),
            Sprite::from_color(GRAY, size),
            DespawnOnExit(Round::Over),
        ));
    }
}

fn spawn_hunters(mut rng: ResMut<RollbackRng>, mut commands: Commands) {
    for (seat, color) in (0..).map(Seat).zip(COLORS) {
        let at = (Vec2::new(rng.f32(), rng.f32()) - 0.5) * (MAP_SIZE - 1.0);
        let aim = Vec2::NEG_X;
        commands.spawn((
            Hunter { seat, aim },
            Transform::from_translation(at.extend(100.0)),
            Sprite::from_color(color, Vec2::ONE),
            DespawnOnExit(Round::Over),
        ));
    }
}

fn move_hunters(
    pads: Res<Inputs<Pad>>,
    mut hunters: Query<(&mut Transform, &mut Hunter), Without<Wall>>,
    walls: InOrder<(&Transform, &Wall)>,
    time: Res<Time>,
) {
    for (mut transform, mut hunter) in &mut hunters {
        let pad = &pads[hunter.seat];
        let direction = Vec2::new(pad.x.into(), pad.y.into()).normalize_or_zero();
        if direction == Vec2::ZERO {
            continue;
        }
        hunter.aim = direction;
        let limit = Vec2::splat(MAP_SIZE / 2.0 - HUNTER_RADIUS);
        let step = direction * HUNTER_SPEED * time.delta_secs();
        let mut at = (transform.translation.xy() + step).clamp(-limit, limit);
        for (center, wall) in walls.iter() {
            let offset = at - center.translation.xy();
            let gap = offset.abs() - wall.size / 2.0 - HUNTER_RADIUS;
            if gap.x < 0.0 && gap.y < 0.0 {
                // Back out on the shorter way.
                match gap.x > gap.y {
                    true => at.x -= offset.x.signum() * gap.x,
                    false => at.y -= offset.y.signum() * gap.y,
                }
            }
        }
        transform.translation = at.extend(transform.translation.z);
    }
}

/// Spawns bullets in the order of the hunters, which is the same for all players.
fn fire(pads: Res<Inputs<Pad>>, hunters: InOrder<(&Transform, &Hunter)>, mut commands: Commands) {
    for (transform, hunter) in hunters.iter() {
        if pads.just_pressed(hunter.seat, |pad| pad.fire) {
            let muzzle = transform.translation.xy() + hunter.aim * HUNTER_RADIUS;
            commands.spawn((
                Bullet {
                    from: hunter.seat,
                    aim: hunter.aim,
                },
                Transform::from_translation(muzzle.extend(200.0)),
                Sprite::from_color(Color::BLACK, Vec2::splat(0.15)),
                DespawnOnExit(Round::Over),
            ));
        }
    }
}

fn move_bullets(
    mut bullets: Query<(Entity, &mut Transform, &Bullet), Without<Wall>>,
    walls: Query<(&Transform, &Wall)>,
    time: Res<Time>,
    mut commands: Commands,
) {
    for (entity, mut transform, bullet) in &mut bullets {
        transform.translation += (bullet.aim * BULLET_SPEED * time.delta_secs()).extend(0.0);
        let at = transform.translation.xy();
        let is_outside = at.abs().max_element() > MAP_SIZE / 2.0;
        let is_in_wall = walls.iter().any(|(center, wall)| {
            let distance = (at - center.translation.xy()).abs();
            distance.cmplt(wall.size / 2.0).all()
        });
        if is_outside || is_in_wall {
            commands.entity(entity).despawn_rollback();
        }
    }
}

fn hit(
    hunters: Query<(Entity, &Transform, &Hunter)>,
    bullets: Query<(&Transform, &Bullet)>,
    mut scores: ResMut<Scores>,
    mut next: ResMut<NextState<Round>>,
    mut commands: Commands,
) {
    for (entity, hunter_at, hunter) in &hunters {
        let is_hit = bullets.iter().any(|(at, bullet)| {
            let distance = (at.translation - hunter_at.translation).xy().abs();
            bullet.from != hunter.seat && distance.max_element() < HIT_DISTANCE
        });
        if is_hit {
            commands.entity(entity).despawn_rollback();
            scores.0[1 - hunter.seat.index()] += 1;
            next.set(Round::Over);
        }
    }
}

fn count_down(mut pause: ResMut<Pause>, mut next: ResMut<NextState<Round>>) {
    pause.0 = pause.0.saturating_sub(1);
    if pause.0 == 0 {
        next.set(Round::Playing);
    }
}

fn follow_hunter(
    status: Res<MatchStatus>,
    hunters: Query<(&Transform, &Hunter), Without<Camera>>,
    mut camera: Single<&mut Transform, With<Camera>>,
) {
    for (transform, hunter) in &hunters {
        if status.local_seats.contains(&hunter.seat) {
            camera.translation = transform.translation.with_z(0.0);
        }
    }
}

fn show_score(
    status: Res<MatchStatus>,
    scores: Res<Scores>,
    mut text: Single<&mut Text2d, With<Score>>,
) {
    if status.is_running() && (scores.is_changed() || status.tick.0 < 2) {
        let [blue, orange] = scores.0;
        text.0 = format!("{blue} - {orange}");
    }
}
