use std::time::Duration;

use huddle_rollback::RollbackMemory;
use huddle_session::Tick;

/// The state of a player's machine.
#[derive(Debug, Clone)]
pub(super) struct Machine {
    /// Whether the machine runs, and its player is in the room.
    pub(super) is_here: bool,
    /// Whether the player left the match and stayed in the room.
    pub(super) has_withdrawn: bool,
    /// Whether the machine started after the match, which may continue without it.
    pub(super) is_late: bool,
    pub(super) frozen_until: Duration,
    /// The end of the time in which the game hangs and the machine answers pings.
    pub(super) hangs_until: Duration,
    /// The end of the time in which the game is stopped and its room answers.
    pub(super) stopped_until: Option<Duration>,
    /// The factor by which ticks take longer.
    pub(super) slow: f64,
    pub(super) hitches: Option<Hitches>,
    /// The number of ticks to run at once.
    missed: u32,
    /// The number of ticks after which the input delay changes.
    pub(super) adjusts_every: Option<u32>,
    /// The newest tick, and the time at which it was simulated.
    pub(super) progress: (Tick, Duration),
    /// The maximum amount of data that the session kept.
    pub(super) memory: RollbackMemory,
    /// The time at which the match started or failed to start.
    pub(super) start_ended: Option<Duration>,
    steps: u64,
}

/// Freezes at regular intervals.
#[derive(Debug, Clone, Copy)]
pub(super) struct Hitches {
    pub(super) next: Duration,
    pub(super) lasts: Duration,
    pub(super) every: Duration,
    pub(super) catches_up: bool,
}

/// The number of steps after which the session's memory is measured.
const MEASURED_EVERY: u64 = 16;

impl Machine {
    pub(super) fn new(is_here: bool) -> Self {
        Self {
            is_here,
            has_withdrawn: false,
            is_late: false,
            frozen_until: Duration::ZERO,
            hangs_until: Duration::ZERO,
            stopped_until: None,
            slow: 1.0,
            hitches: None,
            missed: 0,
            adjusts_every: None,
            progress: (Tick(0), Duration::ZERO),
            memory: RollbackMemory::default(),
            start_ended: None,
            steps: 0,
        }
    }

    /// Creates a machine that starts during the match.
    pub(super) fn late(now: Duration) -> Self {
        Self {
            is_late: true,
            progress: (Tick(0), now),
            ..Self::new(true)
        }
    }

    /// Returns whether the player takes part in the match.
    pub(super) fn plays(&self) -> bool {
        self.is_here && !self.has_withdrawn && !self.is_late
    }

    /// Returns the time until which the machine runs no ticks, if that is now the case.
    pub(super) fn paused_until(&mut self, now: Duration, period: Duration) -> Option<Duration> {
        if let Some(hitches) = &mut self.hitches
            && hitches.next <= now
        {
            self.frozen_until = self.frozen_until.max(now + hitches.lasts);
            hitches.next += hitches.every;
            if hitches.catches_up {
                self.missed = hitches.lasts.div_duration_f64(period) as u32;
            }
        }
        let until = self.frozen_until.max(self.hangs_until);
        (until > now).then_some(until)
    }

    /// Returns the time of the next tick.
    pub(super) fn next_step(&mut self, now: Duration, period: Duration, speed: f64) -> Duration {
        if self.missed > 0 {
            self.missed -= 1;
            return now;
        }
        now + period.mul_f64(self.slow / speed)
    }

    /// Counts a step. Returns whether to measure the session's memory.
    pub(super) fn counts_memory(&mut self) -> bool {
        self.steps += 1;
        self.steps.is_multiple_of(MEASURED_EVERY)
    }

    pub(super) fn record_memory(&mut self, memory: RollbackMemory) {
        self.memory = RollbackMemory {
            saves: self.memory.saves.max(memory.saves),
            inputs: self.memory.inputs.max(memory.inputs),
            agreement: self.memory.agreement.max(memory.agreement),
            unread: self.memory.unread.max(memory.unread),
        };
    }
}
