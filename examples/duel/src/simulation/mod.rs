//! The rules of the game. All players simulate them from the same inputs, so they use nothing else.

mod bout;
mod cue;
mod fighter;
mod phase;
mod platform;
mod rounds;

use bevy::prelude::*;
use bevy_huddle::rollback::*;

pub(crate) use cue::Cue;
pub(crate) use fighter::{Fighter, RADIUS};
pub(crate) use phase::{Phase, PhaseClock};
pub(crate) use platform::Platform;
pub(crate) use rounds::{MAX_SEATS, Score, WINS};

/// Adds the systems of a tick. `lib.rs` registers what they change.
pub(crate) fn plugin(app: &mut App) {
    app.add_systems(
        OnEnter(Phase::Countdown),
        (rounds::prepare_round, rounds::spawn_fighters).chain(),
    )
    .add_systems(
        RollbackUpdate,
        (
            rounds::count_down.run_if(in_state(Phase::Countdown)),
            platform::shrink.run_if(in_state(Phase::Fight)),
            bout::fight,
            fighter::remove_fallen,
            rounds::pause.run_if(in_state(Phase::RoundOver)),
            rounds::end_without_opponents.run_if(not(in_state(Phase::MatchOver))),
            rounds::judge.run_if(in_state(Phase::Fight)),
            phase::advance_clock,
        )
            .chain(),
    );
}
