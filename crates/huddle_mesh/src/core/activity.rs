//! Whether this player's game runs.

use std::time::Duration;

use crate::stats::StopReason;

/// Time without a poll after which the game counts as busy.
const BUSY_AFTER: Duration = Duration::from_secs(1);
/// The most that one step of the mesh's own loop may add: what stops the whole process stops the
/// game no longer than it stops the mesh.
const MAX_STEP: Duration = Duration::from_millis(500);

/// Knows from a game's polls, and from what the platform reports, whether the game runs.
#[derive(Debug, Default)]
pub(crate) struct Activity {
    unpolled: Duration,
    is_frozen: bool,
}

impl Activity {
    /// The game asked for news.
    pub(crate) fn polled(&mut self) {
        self.unpolled = Duration::ZERO;
    }

    /// The platform stops the game, or lets it run again.
    pub(crate) fn set_frozen(&mut self, is_frozen: bool) {
        self.is_frozen = is_frozen;
        self.unpolled = Duration::ZERO;
    }

    /// Lets `step` of the mesh's time pass.
    pub(crate) fn tick(&mut self, step: Duration) {
        self.unpolled = self.unpolled.saturating_add(step.min(MAX_STEP));
    }

    /// Why the game does not run; `None` if it does.
    pub(crate) fn stopped(&self) -> Option<StopReason> {
        if self.is_frozen {
            Some(StopReason::Frozen)
        } else if self.unpolled >= BUSY_AFTER {
            Some(StopReason::Busy)
        } else {
            None
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const STEP: Duration = Duration::from_millis(50);

    #[test]
    fn game_that_does_not_poll_for_a_second_is_busy_until_it_polls() {
        let mut activity = Activity::default();
        let steps = (1..).find(|_| {
            activity.tick(STEP);
            activity.stopped().is_some()
        });
        assert_eq!(steps, Some(20));
        assert_eq!(activity.stopped(), Some(StopReason::Busy));
        activity.polled();
        assert_eq!(activity.stopped(), None);
    }

    #[test]
    fn frozen_game_is_frozen_even_if_it_polls() {
        let mut activity = Activity::default();
        activity.set_frozen(true);
        activity.polled();
        assert_eq!(activity.stopped(), Some(StopReason::Frozen));
        activity.set_frozen(false);
        assert_eq!(activity.stopped(), None);
    }

    #[test]
    fn sleep_of_the_whole_process_is_not_a_busy_game() {
        let mut activity = Activity::default();
        activity.tick(Duration::from_secs(3600));
        assert_eq!(activity.stopped(), None);
    }
}
