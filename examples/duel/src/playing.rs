//! Whether the local player plays.

use bevy::prelude::*;
use bevy_huddle::rollback::MatchStatus;

use crate::simulation::Phase;

/// Returns whether the local player is in a match that is not over.
pub(crate) fn is_playing(status: &MatchStatus, phase: &State<Phase>) -> bool {
    status.is_running() && *phase.get() != Phase::MatchOver
}
