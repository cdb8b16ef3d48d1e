//! Connects the shared bodies with the physics engine.
//!
//! The owner of a body simulates it. For all other players it is kinematic: it goes where its owner says,
//! and pushes what it meets. Cubes at rest near the rolling ball of the local player are simulated as
//! well, so that the ball can set a whole stack in motion at once. Then the local player takes them.

use avian3d::{
    dynamics::solver::islands::WakeBody, physics_transform::PhysicsTransformConfig, prelude::*,
};
use bevy::prelude::*;
use bevy_huddle::replication::*;

use crate::{
    body::{Body, Cube, Physics},
    rolling::Rolling,
};

/// The number of ticks since the owner of a body has said how it moves.
#[derive(Component, Default)]
struct Silence(u32);

/// A body of another player moves on with its last velocity for this number of ticks.
const MAX_SILENCE: u32 = 8;

/// A cube at rest goes back if it is further away than this from where its owner says, in meters.
const TOLERANCE: f32 = 0.01;

/// The importance of a body that moves.
const MOVING: f32 = 4.0;

/// When the systems of a tick run.
#[derive(SystemSet, Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) enum CubeSystems {
    /// Takes over what the other players have sent.
    Receive,
    /// Moves the player, and touches cubes.
    Play,
    /// Shares the bodies of the local player, after the physics.
    Share,
}

pub(crate) fn plugin(app: &mut App) {
    app.add_plugins(PhysicsPlugins::new(FixedUpdate))
        // Each body shows its `Body`, smoothly, instead of its position in the last tick.
        .insert_resource(PhysicsTransformConfig {
            propagate_before_physics: false,
            transform_to_position: false,
            position_to_transform: false,
            transform_to_collider_scale: false,
        })
        .configure_sets(
            FixedUpdate,
            (
                (CubeSystems::Receive, CubeSystems::Play)
                    .chain()
                    .before(PhysicsSystems::First),
                CubeSystems::Share.after(PhysicsSystems::Last),
            ),
        )
        .add_systems(
            FixedUpdate,
            (
                (choose_kind, receive, wake_above)
                    .chain()
                    .in_set(CubeSystems::Receive),
                share.in_set(CubeSystems::Share),
            ),
        );
}

/// Returns the components of a body that nobody simulates yet.
pub(crate) fn body(body: Body, collider: Collider) -> impl Bundle {
    (
        Position(body.at),
        Rotation(body.rotation),
        LinearVelocity(body.velocity),
        AngularVelocity(body.spin),
        RigidBody::Kinematic,
        collider,
        Silence::default(),
    )
}

/// Decides which bodies are simulated here.
fn choose_kind(
    rolling: Res<Rolling>,
    mut bodies: Query<(
        Entity,
        &Body,
        &RigidBody,
        Physics,
        Has<LocallyOwned>,
        Has<Cube>,
    )>,
    mut commands: Commands,
) {
    for (entity, body, kind, mut physics, is_mine, is_cube) in &mut bodies {
        let is_ready = is_cube && body.is_at_rest() && rolling.is_near(body.at);
        let wanted = match is_mine || is_ready {
            true => RigidBody::Dynamic,
            false => RigidBody::Kinematic,
        };
        if *kind != wanted {
            commands.entity(entity).insert(wanted);
            if !is_mine {
                physics.set(body);
            }
        }
    }
}

/// Puts the bodies of other players where they say.
fn receive(
    mut bodies: Query<(Ref<Body>, &RigidBody, Physics, &mut Silence), Without<LocallyOwned>>,
) {
    for (body, kind, mut physics, mut silence) in &mut bodies {
        if body.is_changed() {
            silence.0 = 0;
            physics.set(&body);
        } else if kind.is_dynamic() {
            // Something that does not set it in motion has moved it a little.
            if physics.is_slow() && physics.distance(&body) > TOLERANCE {
                physics.set(&body);
            }
        } else if silence.0 < MAX_SILENCE {
            silence.0 += 1;
        } else {
            physics.stop();
        }
    }
}

/// A sleeping body does not notice that another player moves what it lies on.
fn wake_above(
    moving: Query<(Entity, &Body), (Changed<Body>, Without<LocallyOwned>)>,
    sleeping: Query<(), (With<Sleeping>, With<LocallyOwned>)>,
    contacts: Res<ContactGraph>,
    mut commands: Commands,
) {
    for (entity, body) in &moving {
        if !body.is_at_rest() {
            let neighbors = contacts.entities_colliding_with(entity);
            for neighbor in neighbors.filter(|it| sleeping.contains(*it)) {
                commands.queue(WakeBody(neighbor));
            }
        }
    }
}

/// Moving bodies matter more than those that have come to rest.
fn share(
    mut bodies: Query<(Entity, &mut Body, Physics), With<LocallyOwned>>,
    mut commands: Commands,
) {
    for (entity, mut body, physics) in &mut bodies {
        let now = physics.body();
        if now.is_at_rest() != body.is_at_rest() {
            let importance = if now.is_at_rest() { 1.0 } else { MOVING };
            commands.entity(entity).insert(Importance(importance));
        }
        body.set_if_neq(now);
    }
}
