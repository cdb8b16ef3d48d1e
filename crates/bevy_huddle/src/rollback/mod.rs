//! Matches with rollback: every player simulates the same match from the same inputs.
//!
//! Inputs of other players arrive late, so they are predicted. If a prediction was wrong, the plugin loads
//! an earlier state of the world and simulates the ticks since then again. Players therefore see the
//! effects of their own inputs after the input delay, which is a few ticks at most.
//!
//! | to | use |
//! |---|---|
//! | add rollback to a game | [`RollbackPlugin`] |
//! | register what the simulation changes | [`RollbackAppExt`], and [`Rollback`] on each entity |
//! | set up a match | systems in [`RollbackStart`] |
//! | simulate a tick | systems in [`RollbackUpdate`], with [`Inputs`] and [`RollbackRng`] |
//! | play sounds and show particles | [`EffectWriter`] and [`EffectStarted`] |
//! | start a match | [`RollbackPlugin::start_with`] or [`RollbackCommandsExt::start_match`] |
//! | show what happens | [`MatchStatus`], and events such as [`MatchStarted`] and [`MatchWaiting`] |
//! | find the cause of a desync | [`RollbackPlugin::sync_test`], [`compare_runs`], [`SimulationProblem`], [`MatchDesynced`] |

mod app;
mod bounds;
mod commands;
mod effects;
mod game;
mod hooks;
mod messages;
mod plugin;
mod rng;
mod schedule;
#[cfg(feature = "states")]
mod state;
#[cfg(test)]
mod tests;
mod tools;
mod view;
pub mod world;

pub use huddle_rollback::{
    Decay, DelayPolicy, DesyncReport, EntityDifference, FieldDifference, InputStatus, LeaveReason,
    Predict, PredictDefault, RollbackSetup, RollbackStats, Seat, SeatSet, SetupError, StartError,
    SyncMismatch, TypeDifference,
};

#[cfg(feature = "rollback_ui")]
pub use self::tools::{desync_overlay::DesyncOverlayPlugin, net_graph::ui::NetGraphPlugin};
pub use self::{
    app::RollbackAppExt,
    bounds::{RollbackComponent, RollbackInput, RollbackResource},
    commands::RollbackCommandsExt,
    effects::{Effect, EffectCancelled, EffectConfirmed, EffectStarted, EffectWriter},
    game::{
        events::{
            DroppedFromMatch, MatchDesynced, MatchEnded, MatchSplit, MatchStartError,
            MatchStartFailed, MatchStarted, MatchWaiting, SeatLeft, SyncTestFailed,
        },
        inputs::Inputs,
        running::MatchStatus,
    },
    plugin::RollbackPlugin,
    rng::RollbackRng,
    schedule::{RollbackStart, RollbackSystems, RollbackUpdate},
    tools::{
        compare_runs::{CompareRunsError, compare_runs},
        desync_file::DesyncFilePlugin,
        difference::StateDifference,
        net_graph::{NetFrame, NetGraph, NetGraphDataPlugin, SeatLag},
        problem::SimulationProblem,
    },
    view::RollbackView,
    world::{DespawnRollback, InOrder, Rollback, RollbackId, RollbackIds},
};

#[cfg(all(
    feature = "enhanced_determinism",
    target_arch = "wasm32",
    not(target_feature = "simd128")
))]
compile_error!(
    "`enhanced_determinism` needs SIMD on the web, or `Quat` and `Mat4` differ from native builds: add `-C target-feature=+simd128` to `RUSTFLAGS`"
);
