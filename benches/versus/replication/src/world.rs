//! The world of both libraries: bodies that move.

use bevy::prelude::*;
use serde::{Deserialize, Serialize};

/// The number of entities.
pub(crate) const ENTITIES: usize = 1000;

#[derive(Component, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Place(pub(crate) Vec3);

#[derive(Component, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Facing(pub(crate) Quat);

#[derive(Component, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Speed(pub(crate) Vec3);

/// The components of a new body.
pub(crate) fn body(number: usize) -> (Place, Facing, Speed) {
    let at = Vec3::new((number % 32) as f32, 0.0, (number / 32) as f32) * 10.0 - 160.0;
    (Place(at), Facing(Quat::IDENTITY), Speed(Vec3::ZERO))
}

/// How many bodies move in each tick, and which.
#[derive(Resource)]
pub(crate) struct Mover {
    pub(crate) changed: usize,
    rng: fastrand::Rng,
}

impl Mover {
    pub(crate) fn new(changed: usize) -> Self {
        let rng = fastrand::Rng::with_seed(7);
        Self { changed, rng }
    }
}

/// Moves some of the bodies. All three components change.
pub(crate) fn move_bodies(
    mut mover: ResMut<Mover>,
    mut bodies: Query<(&mut Place, &mut Facing, &mut Speed)>,
    mut order: Local<Vec<usize>>,
) {
    if order.is_empty() {
        order.extend(0..ENTITIES);
    }
    let changed = mover.changed;
    for at in 0..changed {
        let other = mover.rng.usize(at..ENTITIES);
        order.swap(at, other);
    }
    let mut chosen = vec![false; ENTITIES];
    for &at in &order[..changed] {
        chosen[at] = true;
    }
    for (at, (mut place, mut facing, mut speed)) in bodies.iter_mut().enumerate() {
        if chosen.get(at) != Some(&true) {
            continue;
        }
        let mut random = || mover.rng.f32() * 2.0 - 1.0;
        speed.0 = (speed.0 + Vec3::new(random(), random(), random())).clamp_length_max(20.0);
        place.0 = (place.0 + speed.0 / 60.0).clamp(Vec3::splat(-499.0), Vec3::splat(499.0));
        facing.0 = (facing.0 * Quat::from_rotation_y(0.05 * random())).normalize();
    }
}
