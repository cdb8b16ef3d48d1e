//! What the players share of a cube or a ball: where it is, and how it moves.

use avian3d::prelude::*;
use bevy::{ecs::query::QueryData, prelude::*};
use bevy_huddle::replication::*;

use crate::level::{HALF_FLOOR, WALL};

/// Where a cube or ball is and how it moves. This is all that its next owner needs to continue.
///
/// The physics engine has components of its own for this, but they change for every body that it
/// simulates. This one changes only when the owner moves the body, so it can be replicated.
#[derive(Component, Clone, Copy, Debug, Default, PartialEq)]
#[require(Transform)]
pub struct Body {
    /// The center, in meters. The floor is at height 0.
    pub at: Vec3,
    pub(crate) rotation: Quat,
    /// In meters per second. Zero at rest.
    pub(crate) velocity: Vec3,
    /// In radians per second around each axis. Zero at rest.
    pub(crate) spin: Vec3,
}

/// A cube of the level.
#[derive(Component)]
pub struct Cube;

/// The same values in the components of the physics engine.
#[derive(QueryData)]
#[query_data(mutable)]
pub(crate) struct Physics {
    at: &'static mut Position,
    rotation: &'static mut Rotation,
    velocity: &'static mut LinearVelocity,
    spin: &'static mut AngularVelocity,
    is_asleep: Has<Sleeping>,
}

impl Body {
    /// The step of a position, in meters.
    pub const STEP: f32 = 0.002;

    /// The other players see a faster body at this speed, in meters and radians per second.
    const TOP_SPEED: f32 = 40.0;

    /// The step of a speed, in meters and radians per second.
    const SPEED_STEP: f32 = 0.05;

    /// A body that is faster than this counts as pushed, in meters and radians per second.
    pub(crate) const PUSH: f32 = 0.2;

    /// Returns a body at rest.
    pub(crate) fn resting(at: Vec3) -> Self {
        Self { at, ..default() }
    }

    /// Returns whether the body does not move.
    pub fn is_at_rest(&self) -> bool {
        self.velocity == Vec3::ZERO && self.spin == Vec3::ZERO
    }

    /// Describes what the other players see. The ranges are those of the level, so a peer cannot put a body
    /// anywhere else.
    pub(crate) fn replicate(rule: ReplicationRule<Self>) -> ReplicationRule<Self> {
        let along = within(HALF_FLOOR + 1.0).step(Self::STEP);
        let height = between(-1.0, WALL + 4.0).step(Self::STEP);
        let speed = within(Self::TOP_SPEED).step(Self::SPEED_STEP);
        rule.vec3(
            |body| body.at,
            |body, at| body.at = at,
            [along, height, along],
        )
        .rotation(|body| body.rotation, |body, to| body.rotation = to, 11)
        .vec3(|body| body.velocity, |body, to| body.velocity = to, speed)
        .vec3(|body| body.spin, |body, to| body.spin = to, speed)
        .draw(|body, transform| {
            transform.translation = body.at;
            transform.rotation = body.rotation;
        })
    }
}

impl PhysicsItem<'_, '_> {
    /// Returns whether the body is slower than one that was set in motion.
    pub(crate) fn is_slow(&self) -> bool {
        self.velocity.length() < Body::PUSH && self.spin.length() < Body::PUSH
    }

    /// Returns the distance to the position that the owner sends, in meters.
    pub(crate) fn distance(&self, body: &Body) -> f32 {
        self.at.distance(body.at)
    }

    /// Returns the center, in meters.
    pub(crate) fn place(&self) -> Vec3 {
        self.at.0
    }

    pub(crate) fn body(&self) -> Body {
        // A body can fall asleep while it still moves slightly.
        let [velocity, spin] = [self.velocity.0, self.spin.0].map(|speed| {
            let rounds_to_zero = speed.abs().max_element() < Body::SPEED_STEP / 2.0;
            if self.is_asleep || rounds_to_zero {
                Vec3::ZERO
            } else {
                speed
            }
        });
        Body {
            at: self.at.0,
            rotation: self.rotation.0,
            velocity,
            spin,
        }
    }

    pub(crate) fn set(&mut self, body: &Body) {
        self.at.0 = body.at;
        self.rotation.0 = body.rotation;
        self.velocity.0 = body.velocity;
        self.spin.0 = body.spin;
    }

    pub(crate) fn stop(&mut self) {
        self.velocity.set_if_neq(LinearVelocity::ZERO);
        self.spin.set_if_neq(AngularVelocity::ZERO);
    }
}
