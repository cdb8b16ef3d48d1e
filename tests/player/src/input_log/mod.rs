//! Simulates a log of inputs in a world of its own, to compare the states of all platforms.

mod components;
mod functions;
mod run;
mod systems;

use std::time::Duration;

use bevy::prelude::*;
use serde::Serialize;
use web_time::Instant;

use run::Run;

/// The time for ticks in a frame.
const BUDGET: Duration = Duration::from_millis(50);

/// What the simulation of the log has done.
#[derive(Resource, Debug, Default, Clone, Serialize)]
pub(crate) struct LogReport {
    tick: u32,
    archetypes: usize,
    bodies: usize,
    spawned: u32,
    rollbacks: u32,
    /// The checksum of the state after each tick, as 16 hexadecimal digits. Empty until the last tick.
    checksums: String,
    /// The values after the last tick.
    values: Vec<String>,
    /// The time to load a state, simulate eight ticks and save each of them, in microseconds: the median and the
    /// maximum.
    rollback_us: Option<[u64; 2]>,
}

#[derive(Resource)]
struct InputLog {
    run: Run,
    ticks: u32,
}

/// Simulates this many ticks of the log. The same number of `mispredictions` gives the same rollbacks, and 0 gives
/// none.
pub(crate) fn plugin(ticks: u32, mispredictions: u64) -> impl Plugin {
    move |app: &mut App| {
        app.insert_resource(InputLog {
            run: Run::new(mispredictions),
            ticks,
        })
        .init_resource::<LogReport>()
        .add_systems(Update, simulate);
    }
}

fn simulate(mut log: ResMut<InputLog>, mut report: ResMut<LogReport>) {
    if report.rollback_us.is_some() {
        return;
    }
    let InputLog { run, ticks } = &mut *log;
    let start = Instant::now();
    while run.tick < *ticks && start.elapsed() < BUDGET {
        run.step();
    }
    report.tick = run.tick;
    if run.tick == *ticks {
        (report.bodies, report.archetypes, report.spawned) = run.counts();
        report.rollbacks = run.rollbacks;
        let checksums = run.checksums.iter();
        report.checksums = checksums
            .map(|checksum| format!("{checksum:016x}"))
            .collect();
        let values = run.values().into_iter();
        report.values = values
            .map(|row| {
                format!(
                    "{} {:?}: {} ({:x})",
                    row.type_name, row.id, row.text, row.hash
                )
            })
            .collect();
        let (median, max) = run.measure_rollbacks();
        report.rollback_us = Some([median, max].map(|time| time.as_micros() as u64));
    }
}
