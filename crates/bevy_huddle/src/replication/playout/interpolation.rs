//! What a rule does to show its component smoothly.

use std::sync::Arc;

use bevy::{
    app::{RunFixedMainLoop, RunFixedMainLoopSystems},
    prelude::*,
    scene::ResolvedScene,
};
use huddle_mesh::PeerId;
use huddle_snapshot::playout::Playhead;

use super::{
    interpolated::{Interpolated, Playout},
    motion::{Draw, FieldsMotion},
    show::{restart, sample_local, set_transforms, show, start, stop},
};
use crate::replication::{codec::Fields, scene::Ready, schedule::ReplicationSystems};

/// Where a received value comes from.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Sample {
    /// The tick of the source at which the entity had the value.
    pub(crate) tick: u32,
    /// The owner, or its relay.
    pub(crate) source: Option<PeerId>,
    /// The playhead of the source's clock. `None` if the source has no clock.
    pub(crate) playhead: Option<Playhead>,
}

/// Shows components of type `T` smoothly.
pub(crate) trait Interpolation<T>: Send + Sync + 'static {
    /// Adds what shows a new component to the components that are inserted together.
    fn add_to(&self, scene: &mut ResolvedScene, value: &T, sample: &Sample);

    /// Adds a received value.
    fn push(&self, entity: &mut EntityWorldMut, value: &T, sample: &Sample);

    /// Adds the systems to the app.
    fn register(&self, app: &mut App);
}

/// Shows the fields of `T` smoothly.
pub(crate) struct Smooth<T> {
    motion: FieldsMotion<T>,
    draw: Option<Draw<T>>,
}

impl<T> Smooth<T> {
    pub(crate) fn new(fields: Arc<Fields<T>>, draw: Option<Draw<T>>) -> Self {
        Self {
            motion: FieldsMotion(fields),
            draw,
        }
    }
}

impl<T: Component + Clone + PartialEq> Interpolation<T> for Smooth<T> {
    fn add_to(&self, scene: &mut ResolvedScene, value: &T, sample: &Sample) {
        let playout = Playout::new(
            self.motion.clone(),
            sample.tick,
            value.clone(),
            sample.source,
        );
        scene.push_template(Ready(playout));
        scene.push_template(Ready(Interpolated(value.clone())));
    }

    fn push(&self, entity: &mut EntityWorldMut, value: &T, sample: &Sample) {
        if let Some(mut playout) = entity.get_mut::<Playout<T>>()
            && let Some(playhead) = &sample.playhead
        {
            playout.follow(sample.source);
            playout.push(sample.tick, value.clone(), playhead);
        }
    }

    fn register(&self, app: &mut App) {
        let after_ticks = RunFixedMainLoopSystems::AfterFixedMainLoop;
        app.add_observer(start::<T>(self.motion.clone(), self.draw.clone()))
            .add_observer(stop::<T>)
            .add_observer(restart::<T>)
            .add_systems(
                FixedPostUpdate,
                sample_local::<T>.in_set(ReplicationSystems::Collect),
            )
            .add_systems(
                RunFixedMainLoop,
                show::<T>
                    .in_set(ReplicationSystems::Interpolate)
                    .in_set(after_ticks),
            );
        if let Some(draw) = &self.draw {
            let draw = set_transforms::<T>(Arc::clone(draw)).after(show::<T>);
            app.add_systems(
                RunFixedMainLoop,
                draw.in_set(ReplicationSystems::Interpolate)
                    .in_set(after_ticks),
            );
        }
    }
}
