//! The systems of the input log.

use bevy::prelude::*;
use bevy_huddle::rollback::{
    DespawnRollback, InOrder, Rollback, RollbackId, RollbackIds, RollbackRng,
};

use super::components::{
    Fuse, Label, Matrices, Pads, Planar, Pose, Reach, Rotations, SHIPS, Scalars, Shade, Ship, Slow,
    Spin, Totals, Trail, Velocity,
};
use super::functions::{call_matrices, call_ops, call_rotations, call_vec2};

/// The length of a tick in seconds.
const STEP: f32 = 1.0 / 64.0;

/// The number of bodies from which on ships do not fire.
const MAX_BODIES: usize = 48;

/// The components of each kind of body, as bits. See `insert`.
const KINDS: [u32; 12] = [
    0b0000_0000,
    0b0000_0001,
    0b0000_0010,
    0b0000_0100,
    0b0000_1000,
    0b0001_0000,
    0b0110_0000,
    0b1000_0001,
    0b1111_0010,
    0b0101_0100,
    0b1010_1000,
    0b1001_1111,
];

/// The length of a trail.
const TRAIL: usize = 8;

/// Adds the systems that simulate a tick.
pub(super) fn add(schedule: &mut Schedule) {
    schedule.add_systems(
        (
            steer,
            fire,
            change_components,
            change_parents,
            compute_scalars,
            compute_planar,
            compute_rotations,
            compute_matrices,
            turn,
            fly,
            trace,
            bounce_off_ships,
            measure_reach,
            burn,
            sum,
        )
            .chain(),
    );
}

/// Spawns the ships.
pub(super) fn spawn_ships(world: &mut World) {
    for ship in 0..SHIPS {
        let pose = Pose::at(Vec3::new(ship as f32 * 50.0, 0.0, 1.0));
        let body = (Ship(ship), pose, Velocity([0.0; 3]));
        world.spawn((Rollback, body, Scalars::default()));
    }
}

fn steer(pads: Res<Pads>, mut ships: Query<(&Ship, &mut Pose, &mut Velocity)>) {
    for (ship, mut pose, mut velocity) in &mut ships {
        let pad = pads.now[ship.0];
        let turned = pose.rotation() * Quat::from_rotation_z(f32::from(pad.x) * 0.05);
        pose.rotation = turned.normalize().to_array();
        let thrust = turned * Vec3::new(0.0, f32::from(pad.y) * 4.0, f32::from(pad.x));
        velocity.0 = (velocity.get() + thrust).clamp_length_max(200.0).to_array();
    }
}

fn fire(
    pads: Res<Pads>,
    ships: InOrder<(&Ship, &Pose, &Velocity)>,
    bodies: Query<(), With<Pose>>,
    mut rng: ResMut<RollbackRng>,
    mut totals: ResMut<Totals>,
    mut commands: Commands,
) {
    let has_room = bodies.iter().count() < MAX_BODIES;
    for (ship, pose, velocity) in ships.iter() {
        let is_pressed = pads.now[ship.0].fire && !pads.before[ship.0].fire;
        if !is_pressed || !has_room {
            continue;
        }
        for _ in 0..1 + rng.below(3) {
            let angle = (rng.f32() - 0.5) * std::f32::consts::TAU;
            let velocity = velocity.get() + Vec2::from_angle(angle).extend(rng.f32()) * 60.0;
            let fuse = Fuse(60 + rng.below(400));
            let body = (pose.clone(), Velocity(velocity.to_array()), fuse);
            let mut body = commands.spawn((Rollback, body));
            let kind = KINDS[rng.below(KINDS.len() as u32) as usize];
            for component in (0..8).filter(|bit| kind >> bit & 1 == 1) {
                insert(&mut body, component, angle);
            }
            totals.spawned += 1;
        }
    }
}

fn insert(body: &mut EntityCommands, component: u32, angle: f32) {
    match component {
        0 => body.insert(Scalars::default()),
        1 => body.insert(Planar::default()),
        2 => body.insert(Rotations::default()),
        3 => body.insert(Matrices::default()),
        4 => body.insert(Spin(Quat::from_rotation_y(angle * 0.1).to_array())),
        5 => body.insert(Trail::default()),
        6 => body.insert(Shade(angle.to_bits() >> 20)),
        _ => body.insert(Reach::default()),
    };
}

fn change_components(
    bodies: InOrder<Entity, (With<Pose>, Without<Ship>)>,
    mut rng: ResMut<RollbackRng>,
    mut commands: Commands,
) {
    for body in bodies.iter() {
        let mut body = commands.entity(body);
        match rng.below(128) {
            0 => drop(body.insert(Slow)),
            1 => drop(body.remove::<Slow>()),
            2 => drop(body.insert(Label::default())),
            3 => drop(body.remove::<Label>()),
            _ => {}
        }
    }
}

/// A parent is always older than its children, so there are no cycles.
fn change_parents(
    bodies: InOrder<Entity, With<Pose>>,
    mut rng: ResMut<RollbackRng>,
    mut commands: Commands,
) {
    if rng.below(8) > 0 {
        return;
    }
    let bodies: Vec<_> = bodies.iter().collect();
    let [a, b] = [(); 2].map(|()| rng.below(bodies.len() as u32) as usize);
    let mut child = commands.entity(bodies[a.max(b)]);
    if a == b {
        child.remove::<ChildOf>();
    } else {
        child.insert(ChildOf(bodies[a.min(b)]));
    }
}

fn compute_scalars(mut bodies: Query<(&Pose, &mut Velocity, &mut Scalars)>) {
    for (pose, mut velocity, mut results) in &mut bodies {
        results.0.clear();
        let (place, speed) = (pose.translation(), velocity.get());
        call_ops(place.x, speed.y, &mut results.0);
        push(&mut velocity, &results.0);
    }
}

fn compute_planar(mut bodies: Query<(&Pose, &mut Velocity, &mut Planar)>) {
    for (pose, mut velocity, mut results) in &mut bodies {
        results.0.clear();
        let (place, speed) = (pose.translation(), velocity.get());
        let (a, b) = (place.truncate(), speed.truncate());
        call_vec2(a, b, speed.z * 0.1, &mut results.0);
        push(&mut velocity, &results.0);
    }
}

fn compute_rotations(mut bodies: Query<(&Pose, &mut Velocity, &mut Rotations)>) {
    for (pose, mut velocity, mut results) in &mut bodies {
        results.0.clear();
        let (place, turn) = (pose.translation(), velocity.0[0] * 0.01);
        call_rotations(place, pose.rotation(), turn, &mut results.0);
        push(&mut velocity, &results.0);
    }
}

fn compute_matrices(mut bodies: Query<(&Pose, &mut Velocity, &mut Matrices)>) {
    for (pose, mut velocity, mut results) in &mut bodies {
        results.0.clear();
        let (place, turn) = (pose.translation(), velocity.0[0] * 0.01);
        call_matrices(place, pose.rotation(), turn, &mut results.0);
        push(&mut velocity, &results.0);
    }
}

/// The smallest difference in any result changes the course of the body.
fn push(velocity: &mut Velocity, results: &[f32]) {
    let finite = results.iter().filter(|result| result.abs() < 1000.0);
    let push = finite.sum::<f32>() * 0.001;
    velocity.0 = (velocity.get() + Vec3::new(push, -push, push * 0.1))
        .clamp_length_max(200.0)
        .to_array();
}

fn turn(mut bodies: Query<(&mut Pose, &Spin, Option<&mut Label>)>) {
    for (mut pose, spin, label) in &mut bodies {
        let rotation = pose.rotation() * Quat::from_array(spin.0);
        pose.rotation = rotation.normalize().to_array();
        if let Some(mut label) = label {
            let ticks = label.0.parse().unwrap_or(0);
            label.0 = (ticks + 1).to_string();
        }
    }
}

fn fly(mut bodies: Query<(&mut Pose, &mut Velocity, Has<Slow>)>) {
    for (mut pose, mut velocity, is_slow) in &mut bodies {
        let mut speed = velocity.get();
        let place = pose.translation() + speed * STEP;
        pose.translation = place.to_array();
        if is_slow {
            speed = speed.lerp(Vec3::ZERO, 0.01);
        }
        if place.length() > 400.0 {
            speed = speed.reflect(place.normalize());
        }
        velocity.0 = speed.to_array();
    }
}

fn trace(mut bodies: Query<(&Pose, &mut Trail)>) {
    for (pose, mut trail) in &mut bodies {
        if trail.0.len() == TRAIL {
            trail.0.remove(0);
        }
        trail.0.push(pose.translation);
    }
}

fn bounce_off_ships(
    ships: InOrder<(&Pose, &Ship)>,
    mut bodies: Query<(&Pose, &mut Velocity), Without<Ship>>,
) {
    for (ship, _) in ships.iter() {
        for (pose, mut velocity) in &mut bodies {
            let offset = pose.translation() - ship.translation();
            if let Some(normal) = offset.try_normalize().filter(|_| offset.length() < 20.0) {
                velocity.0 = velocity.get().reflect(normal).to_array();
            }
        }
    }
}

/// The order of the children is part of the state.
fn measure_reach(mut parents: Query<(&Children, &mut Reach)>, bodies: Query<&Pose>) {
    for (children, mut reach) in &mut parents {
        let lengths = bodies
            .iter_many(children)
            .map(|pose| pose.translation().length());
        reach.0 = lengths.sum();
    }
}

fn burn(mut bodies: InOrder<(Entity, &RollbackId, &mut Fuse)>, mut commands: Commands) {
    for (entity, id, mut fuse) in bodies.iter_mut() {
        fuse.0 -= 1;
        if fuse.0 == 0 && id.get().is_multiple_of(2) {
            commands.entity(entity).despawn_rollback();
        } else if fuse.0 == 0 {
            commands.entity(entity).despawn();
        }
    }
}

fn sum(bodies: InOrder<(&Pose, &Velocity)>, ids: Res<RollbackIds>, mut totals: ResMut<Totals>) {
    totals.energy = 0.0;
    for (pose, velocity) in bodies.iter() {
        totals.energy += velocity.get().length_squared();
        totals.turns += pose.rotation().w * 0.001;
    }
    totals.turns += ids.iter().count() as f32 * 0.001;
}
