//! Connects the shared bodies with the physics engine.
//!
//! The owner of a body simulates it. For all other players it is kinematic: it goes to the position that its
//! owner sends, and pushes what it meets. Cubes at rest near the rolling ball of the local player are
//! simulated as well, so that the ball can set a whole stack in motion at once. Then the local player takes
//! them.

use avian3d::{physics_transform::PhysicsTransformConfig, prelude::*};
use bevy::prelude::*;
use bevy_huddle::replication::*;

use crate::{
    body::{Body, Cube, Physics},
    level,
    rolling::Rolling,
};

/// The number of ticks since the owner of a body has sent how it moves.
#[derive(Component, Default)]
struct Silence(u32);

/// A body of another player moves on with its last velocity for this number of ticks.
const MAX_SILENCE: u32 = 8;

/// A cube at rest goes back if it is further than this from the position that its owner sends, in meters.
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
    app
        // Each body shows its `Body`, smoothly, instead of its position in the last tick.
        .insert_resource(PhysicsTransformConfig {
            propagate_before_physics: false,
            transform_to_position: false,
            position_to_transform: false,
            transform_to_collider_scale: false,
        })
        .add_plugins(
            PhysicsPlugins::new(FixedUpdate)
                .build()
                .disable::<PhysicsInterpolationPlugin>(),
        )
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
                (choose_kind, receive).chain().in_set(CubeSystems::Receive),
                (return_lost, share).chain().in_set(CubeSystems::Share),
            ),
        )
        .add_observer(disable)
        .add_observer(enable);
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
        let is_near = match kind.is_dynamic() {
            true => rolling.is_around(body.at),
            false => rolling.is_near(body.at),
        };
        let is_ready = is_cube && body.is_at_rest() && is_near;
        let wanted = match is_mine || is_ready {
            true => RigidBody::Dynamic,
            false => RigidBody::Kinematic,
        };
        if *kind != wanted {
            commands.entity(entity).try_insert(wanted);
            if !is_mine {
                physics.set(body);
            }
        }
    }
}

/// Puts the bodies of other players at the positions that they send.
fn receive(
    mut bodies: Query<(Ref<Body>, &RigidBody, Physics, &mut Silence), Without<LocallyOwned>>,
) {
    for (body, kind, mut physics, mut silence) in &mut bodies {
        if body.is_changed() {
            silence.0 = 0;
            physics.set(&body);
        } else if kind.is_dynamic() {
            // A contact that was too weak to set it in motion has displaced it.
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

/// A peer can remove the component of its entities. They take no part in the game then.
fn disable(removed: On<Remove, Body>, mut commands: Commands) {
    if let Ok(mut entity) = commands.get_entity(removed.entity) {
        entity.try_insert((RigidBodyDisabled, ColliderDisabled, Visibility::Hidden));
    }
}

fn enable(added: On<Add, Body>, mut commands: Commands) {
    if let Ok(mut entity) = commands.get_entity(added.entity) {
        entity
            .try_remove::<(RigidBodyDisabled, ColliderDisabled)>()
            .try_insert(Visibility::Inherited);
    }
}

/// Returns bodies that a peer has pushed out of the level.
fn return_lost(mut bodies: Query<Physics, With<LocallyOwned>>) {
    for mut physics in &mut bodies {
        if let Some(place) = level::nearest_place(physics.place()) {
            physics.set(&Body::resting(place));
        }
    }
}

/// Shares the bodies of the local player. Moving bodies are more important than resting ones.
fn share(
    mut bodies: Query<(Entity, &mut Body, Physics, Option<&Importance>), With<LocallyOwned>>,
    mut commands: Commands,
) {
    for (entity, mut body, physics, importance) in &mut bodies {
        let now = physics.body();
        let wanted = Importance(if now.is_at_rest() { 1.0 } else { MOVING });
        if importance != Some(&wanted) {
            commands.entity(entity).try_insert(wanted);
        }
        body.set_if_neq(now);
    }
}
