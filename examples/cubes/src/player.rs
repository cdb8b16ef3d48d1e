//! The ball of each player.

use avian3d::prelude::*;
use bevy::prelude::*;
use bevy_huddle::prelude::*;
use example_kit::Persona;

use crate::{body::Body, controls::PlayerInput, level::HALF_FLOOR, physics, rolling::Rolling};

/// The radius of a ball, in meters.
pub(crate) const RADIUS: f32 = 0.9;

/// The top speed of a ball, in meters per second.
const SPEED: f32 = 9.0;

/// How fast a ball changes its velocity, in meters per second squared.
const ACCELERATION: f32 = 24.0;

/// A cube has a mass of 1.
const MASS: f32 = 40.0;

/// Gives the local player a ball, at a place on the rim that depends on its id.
pub(crate) fn place(
    added: On<Add, LocalPeer>,
    peers: Query<&Peer>,
    mut commands: Commands,
) -> Result {
    let id = peers.get(added.entity)?.id;
    let turn = Persona::of(id).variant as f32;
    let at = Vec2::from_angle(turn) * (HALF_FLOOR - 3.0);
    let body = Body::resting(Vec3::new(at.x, RADIUS, at.y));
    commands.entity(added.entity).try_insert(body);
    Ok(())
}

/// Every ball takes part in the physics.
pub(crate) fn add_physics(
    added: On<Add, Body>,
    balls: Query<&Body, With<Peer>>,
    mut commands: Commands,
) {
    if let Ok(body) = balls.get(added.entity) {
        commands.entity(added.entity).try_insert((
            physics::body(*body, Collider::sphere(RADIUS)),
            Mass(MASS),
            AngularDamping(2.0),
        ));
    }
}

/// Rolls the ball of the local player.
pub(crate) fn roll(
    input: Res<PlayerInput>,
    time: Res<Time>,
    ball: Option<Single<(&Position, &mut LinearVelocity, Has<Sleeping>), With<LocalPeer>>>,
    mut rolling: ResMut<Rolling>,
) {
    let Some(ball) = ball else {
        // The player is not in a room.
        rolling.0 = None;
        return;
    };
    let (at, mut velocity, is_asleep) = ball.into_inner();
    let goal = input.heading(at.0.xz()) * SPEED;
    let is_rolling = goal.length().max(velocity.length()) > Body::PUSH;
    rolling.0 = is_rolling.then_some(at.0);
    if is_asleep && goal == Vec2::ZERO {
        return;
    }
    let change = goal - velocity.0.xz();
    let change = change.clamp_length_max(ACCELERATION * time.delta_secs());
    velocity.0 += Vec3::new(change.x, 0.0, change.y);
}
