//! The measured round-trip time, smoothed as the session of a room does it.

use std::time::Duration;

use crate::time::TICK;

/// The ack timeout before the round-trip time is measured.
const FIRST_TIMEOUT: Duration = Duration::from_millis(500);

/// The smoothed round-trip time and its variation (RFC 6298).
#[derive(Debug, Default)]
pub(super) struct RoundTrip(Option<(Duration, Duration)>);

impl RoundTrip {
    pub(super) fn sample(&mut self, rtt: Duration) {
        self.0 = Some(match self.0 {
            None => (rtt, rtt / 2),
            Some((last, variation)) => (
                (last * 7 + rtt) / 8,
                (variation * 3 + last.abs_diff(rtt)) / 4,
            ),
        });
    }

    pub(super) fn smoothed(&self) -> Option<Duration> {
        self.0.map(|(smoothed, _)| smoothed)
    }

    /// Returns the time after which a packet without an ack counts as lost.
    pub(super) fn timeout(&self) -> Duration {
        self.0.map_or(FIRST_TIMEOUT, |(smoothed, variation)| {
            smoothed + (variation * 4).max(TICK) + TICK * 3
        })
    }
}
