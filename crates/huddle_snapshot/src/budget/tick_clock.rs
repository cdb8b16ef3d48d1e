use std::time::Duration;

/// The number of ticks per second of a session whose game does not set it.
pub(crate) const DEFAULT_TICK_RATE: f64 = 60.0;

/// The time of a link, which passes with the ticks of the game.
#[derive(Debug, Clone)]
pub(crate) struct TickClock {
    ticks_per_second: f64,
    tick: Option<u32>,
    now: Duration,
}

impl Default for TickClock {
    fn default() -> Self {
        Self {
            ticks_per_second: DEFAULT_TICK_RATE,
            tick: None,
            now: Duration::ZERO,
        }
    }
}

impl TickClock {
    /// Sets the number of ticks per second, from now on.
    pub(crate) fn set_tick_rate(&mut self, ticks_per_second: f64) {
        self.ticks_per_second = ticks_per_second;
    }

    /// Handles that a tick has started. Ticks wrap around. A tick before the last one takes no time.
    pub(crate) fn start_tick(&mut self, tick: u32) {
        let passed = self.tick.map_or(0, |last| ticks_between(last, tick));
        self.tick = Some(tick);
        self.now = self.now.saturating_add(self.length_of(passed));
    }

    /// Returns the time at the last tick.
    pub(crate) fn now(&self) -> Duration {
        self.now
    }

    /// Returns the time at a tick before the last one.
    pub(crate) fn at(&self, tick: u32) -> Duration {
        let since = self.tick.map_or(0, |last| ticks_between(tick, last));
        self.now.saturating_sub(self.length_of(since))
    }

    fn length_of(&self, ticks: u32) -> Duration {
        Duration::from_secs_f64(f64::from(ticks) / self.ticks_per_second)
    }
}

/// Returns the number of ticks from one tick to another, or 0 if it is before.
fn ticks_between(from: u32, to: u32) -> u32 {
    to.wrapping_sub(from).cast_signed().max(0).cast_unsigned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn time_passes_with_ticks_that_wrap_around() {
        let mut clock = TickClock::default();
        clock.set_tick_rate(50.0);
        let mut now = |tick: u32| {
            clock.start_tick(tick);
            clock.now().as_millis()
        };
        assert_eq!(now(u32::MAX - 1), 0);
        assert_eq!(now(u32::MAX), 20);
        assert_eq!(now(1), 60);
        // The game starts to count again.
        assert_eq!(now(0), 60);
        assert_eq!(now(5), 160);
        assert_eq!(clock.at(3), Duration::from_millis(120));
        assert_eq!(clock.at(9), Duration::from_millis(160));
        assert_eq!(clock.at(u32::MAX - 100), Duration::ZERO);
    }
}
