//! The rules of the game. All players simulate them from the same inputs, so they use nothing else.

mod bout;
mod fighter;
mod rounds;

use bevy::prelude::*;
use bevy_huddle::rollback::*;

pub(crate) use fighter::{Fighter, RADIUS};
pub(crate) use rounds::{Cue, MAX_SEATS, Phase, PhaseClock, Platform, Score, WINS};

/// Adds the systems of a tick. `lib.rs` registers what they change.
pub(crate) fn plugin(app: &mut App) {
    app.add_systems(
        OnEnter(Phase::Countdown),
        (rounds::prepare_round, fighter::spawn_all).chain(),
    )
    .add_systems(
        RollbackUpdate,
        (
            rounds::count_down.run_if(in_state(Phase::Countdown)),
            rounds::shrink_platform.run_if(in_state(Phase::Fight)),
            bout::fight,
            fighter::remove_fallen,
            rounds::end_without_opponents.run_if(not(in_state(Phase::MatchOver))),
            rounds::judge.run_if(in_state(Phase::Fight)),
            rounds::pause.run_if(in_state(Phase::RoundOver)),
            rounds::advance_clock,
        )
            .chain(),
    );
}
