//! What the simulation of the input log consists of.

use bevy::prelude::*;
use bevy_huddle::rollback::world::WorldStore;
use serde::Serialize;

/// The number of ships, each of which has an input.
pub(super) const SHIPS: usize = 2;

/// What a bot holds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub(super) struct Pad {
    pub(super) x: i8,
    pub(super) y: i8,
    pub(super) fire: bool,
}

/// What the bots hold in this tick, and held in the tick before.
#[derive(Resource, Clone, Debug, Default, PartialEq, Serialize)]
pub(super) struct Pads {
    pub(super) now: [Pad; SHIPS],
    pub(super) before: [Pad; SHIPS],
}

/// A body has this component and `Velocity`. All other components are optional.
#[derive(Component, Clone, Debug, PartialEq, Serialize)]
pub(super) struct Pose {
    pub(super) translation: [f32; 3],
    pub(super) rotation: [f32; 4],
}

impl Pose {
    pub(super) fn at(translation: Vec3) -> Self {
        Self {
            translation: translation.to_array(),
            rotation: Quat::IDENTITY.to_array(),
        }
    }

    pub(super) fn translation(&self) -> Vec3 {
        Vec3::from_array(self.translation)
    }

    pub(super) fn rotation(&self) -> Quat {
        Quat::from_array(self.rotation)
    }
}

#[derive(Component, Clone, Debug, PartialEq, Serialize)]
pub(super) struct Velocity(pub(super) [f32; 3]);

impl Velocity {
    pub(super) fn get(&self) -> Vec3 {
        Vec3::from_array(self.0)
    }
}

/// The body of a bot.
#[derive(Component, Clone, Debug, PartialEq, Serialize)]
pub(super) struct Ship(pub(super) usize);

/// A body that is despawned after some ticks.
#[derive(Component, Clone, Debug, PartialEq, Serialize)]
pub(super) struct Fuse(pub(super) u32);

/// What the functions of `bevy::math::ops` return for the body.
#[derive(Component, Clone, Debug, Default, PartialEq, Serialize)]
pub(super) struct Scalars(pub(super) Vec<f32>);

/// What the functions of two-dimensional vectors return for the body.
#[derive(Component, Clone, Debug, Default, PartialEq, Serialize)]
pub(super) struct Planar(pub(super) Vec<f32>);

/// What the functions of rotations return for the body.
#[derive(Component, Clone, Debug, Default, PartialEq, Serialize)]
pub(super) struct Rotations(pub(super) Vec<f32>);

/// What the functions of matrices return for the body.
#[derive(Component, Clone, Debug, Default, PartialEq, Serialize)]
pub(super) struct Matrices(pub(super) Vec<f32>);

/// The rotation of the body in each tick.
#[derive(Component, Clone, Debug, PartialEq, Serialize)]
pub(super) struct Spin(pub(super) [f32; 4]);

/// The last places of the body.
#[derive(Component, Clone, Debug, Default, PartialEq, Serialize)]
pub(super) struct Trail(pub(super) Vec<[f32; 3]>);

/// A body that slows down.
#[derive(Component, Clone, Debug, Default, PartialEq, Serialize)]
#[component(storage = "SparseSet")]
pub(super) struct Slow;

/// The number of ticks since the component was inserted, as text.
#[derive(Component, Clone, Debug, Default, PartialEq, Serialize)]
pub(super) struct Label(pub(super) String);

#[derive(Component, Clone, Debug, PartialEq, Serialize)]
#[component(immutable)]
pub(super) struct Shade(pub(super) u32);

/// The sum of the distances of the children.
#[derive(Component, Clone, Debug, Default, PartialEq, Serialize)]
pub(super) struct Reach(pub(super) f32);

/// Sums over all bodies, in their order.
#[derive(Resource, Clone, Debug, Default, PartialEq, Serialize)]
pub(super) struct Totals {
    pub(super) energy: f32,
    pub(super) turns: f32,
    pub(super) spawned: u32,
}

/// Registers all of them.
pub(super) fn register(store: &mut WorldStore) {
    store
        .component::<Pose>()
        .component::<Velocity>()
        .component::<Ship>()
        .component::<Fuse>()
        .component::<Scalars>()
        .component::<Planar>()
        .component::<Rotations>()
        .component::<Matrices>()
        .component::<Spin>()
        .component::<Trail>()
        .component::<Slow>()
        .component::<Label>()
        .component::<Shade>()
        .component::<Reach>()
        .resource::<Pads>()
        .resource::<Totals>()
        .resource::<bevy_huddle::rollback::RollbackRng>();
}
