//! Detects whether the local game runs.

use std::time::Duration;

use crate::stats::StopReason;

/// The time without a poll after which the game counts as busy.
const BUSY_AFTER: Duration = Duration::from_secs(1);
/// The maximum time that one step adds. A longer step means that the whole process was stopped, not
/// only the game.
const MAX_STEP: Duration = Duration::from_millis(500);

/// Detects whether the game runs, from its polls and from the platform's reports.
#[derive(Debug, Default)]
pub(crate) struct Activity {
    /// The time since the last poll.
    unpolled: Duration,
    is_frozen: bool,
}

impl Activity {
    /// Records that the game polled the room.
    pub(crate) fn polled(&mut self) {
        self.unpolled = Duration::ZERO;
    }

    /// Records that the platform stops or resumes the game.
    pub(crate) fn set_frozen(&mut self, is_frozen: bool) {
        self.is_frozen = is_frozen;
        self.unpolled = Duration::ZERO;
    }

    /// Advances the mesh's clock by `step`.
    pub(crate) fn tick(&mut self, step: Duration) {
        self.unpolled = self.unpolled.saturating_add(step.min(MAX_STEP));
    }

    /// Returns the reason why the game is stopped, or `None` if it runs.
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
    fn game_is_busy_after_a_second_without_poll() {
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
    fn poll_does_not_unfreeze_the_game() {
        let mut activity = Activity::default();
        activity.set_frozen(true);
        activity.polled();
        assert_eq!(activity.stopped(), Some(StopReason::Frozen));
        activity.set_frozen(false);
        assert_eq!(activity.stopped(), None);
    }

    #[test]
    fn sleep_of_the_whole_process_does_not_make_the_game_busy() {
        let mut activity = Activity::default();
        activity.tick(Duration::from_secs(3600));
        assert_eq!(activity.stopped(), None);
    }
}
