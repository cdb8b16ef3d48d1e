//! What is measured.

use std::time::Instant;

use bevy::prelude::*;

/// The number of frames before the measurement.
pub(crate) const WARM_UP: usize = 300;

/// The number of frames that are measured.
pub(crate) const FRAMES: usize = 1200;

/// The size of a scene.
#[derive(Clone, Copy)]
pub(crate) struct Cell {
    pub(crate) peers: usize,
    /// The number of entities that change in each tick.
    pub(crate) changed: usize,
}

/// The results of a cell.
pub(crate) struct Measured {
    /// The median time of a frame, in microseconds.
    pub(crate) median: f64,
    /// The 99th percentile, in microseconds.
    pub(crate) p99: f64,
    /// The bytes that are sent to one peer per tick.
    pub(crate) bytes: f64,
}

/// The times of the frames of an app, in microseconds.
#[derive(Resource, Default)]
pub(crate) struct FrameTimes {
    started: Option<Instant>,
    pub(crate) times: Vec<f64>,
}

/// Measures the frames of an app, from `First` to `Last`.
pub(crate) fn plugin(app: &mut App) {
    app.init_resource::<FrameTimes>()
        .add_systems(First, |mut frames: ResMut<FrameTimes>| {
            frames.started = Some(Instant::now());
        })
        .add_systems(
            Last,
            (|mut frames: ResMut<FrameTimes>| {
                if let Some(started) = frames.started {
                    let time = started.elapsed().as_secs_f64() * 1e6;
                    frames.times.push(time);
                }
            })
            .after(bevy_huddle::HuddleSystems::Send),
        );
}

/// Returns the results from the times of the frames and the bytes that were sent.
pub(crate) fn summary(app: &App, bytes: f64, cell: Cell) -> Measured {
    let times = &app.world().resource::<FrameTimes>().times;
    let mut sorted = times[times.len() - FRAMES..].to_vec();
    sorted.sort_by(f64::total_cmp);
    Measured {
        median: sorted[FRAMES / 2],
        p99: sorted[FRAMES * 99 / 100],
        bytes: bytes / FRAMES as f64 / cell.peers as f64,
    }
}
