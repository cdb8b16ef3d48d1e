//! The schedules of a match.

use bevy::{
    ecs::schedule::{LogLevel, ScheduleBuildSettings, ScheduleLabel, SingleThreadedExecutor},
    prelude::*,
};

use crate::rollback::tools::build_checks::BuildChecks;

/// Sets up the world of a match. It runs once per match, before the first tick, after the entities of the
/// match before are despawned.
///
/// Systems in it spawn the first entities of the match, with [`Rollback`](crate::rollback::Rollback).
#[derive(ScheduleLabel, Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct RollbackStart;

/// Simulates a tick. It runs once per tick, and again for each tick that is resimulated.
///
/// Every player must come to the same state, so the systems depend on nothing but registered components
/// and resources, [`Inputs`](crate::rollback::Inputs), [`RollbackRng`](crate::rollback::RollbackRng) and
/// [`Time`], which is the time of the tick. They run one after the other. Two systems that access the same
/// data, or that both use [`Commands`], need an explicit order, such as `.chain()`, or the app panics when
/// the match starts.
#[derive(ScheduleLabel, Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct RollbackUpdate;

/// The system sets of rollback.
#[derive(SystemSet, Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum RollbackSystems {
    /// Runs the ticks of the match, in
    /// [`RunFixedMainLoop`](bevy::app::RunFixedMainLoop), after the fixed main loop.
    Step,
    /// Spawns and despawns the entities of
    /// [`rollback_view`](crate::rollback::RollbackAppExt::rollback_view), after the ticks.
    Views,
}

/// Prepares a schedule of the simulation: its systems run one after the other, in an order that the game must specify.
pub(crate) fn prepare(schedule: &mut Schedule) {
    let is_resimulated = schedule.label() != RollbackStart.intern();
    schedule
        .set_executor(SingleThreadedExecutor::new())
        .set_build_settings(ScheduleBuildSettings {
            ambiguity_detection: LogLevel::Error,
            ..default()
        })
        .add_build_pass(BuildChecks { is_resimulated });
}
