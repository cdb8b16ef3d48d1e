use std::time::Duration;

/// The faults of a path, which is one direction of a link. Probabilities are from 0 to 1. The default
/// is a perfect network.
///
/// ```
/// use std::time::Duration;
///
/// use huddle_sim::Weather;
///
/// let mobile = Weather {
///     loss: 0.05,
///     jitter: Duration::from_millis(20),
///     ..Weather::from_rtt(Duration::from_millis(100))
/// };
/// assert_eq!(mobile.delay, Duration::from_millis(50));
/// ```
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Weather {
    /// The probability that a packet is lost outside of bursts.
    pub loss: f64,
    /// Bursts of heavy loss.
    pub burst: Option<Burst>,
    /// The minimum delay of a packet.
    pub delay: Duration,
    /// The maximum additional delay of a packet, which is distributed uniformly. Packets that are sent
    /// within this time may overtake each other.
    pub jitter: Duration,
    /// The probability that a packet arrives twice, each copy with its own jitter.
    pub duplication: f64,
    /// The bandwidth of the path, or `None` if it is unlimited.
    pub bandwidth: Option<Bandwidth>,
}

/// Bursts of loss (the Gilbert-Elliott model). A path is in a burst or not, and may change once per
/// step.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Burst {
    /// The probability that a burst begins at a step. On average one begins after `1 / begins` steps.
    pub begins: f64,
    /// The probability that a burst ends at a step. On average it lasts `1 / ends` steps.
    pub ends: f64,
    /// The probability that a packet is lost during a burst.
    pub loss: f64,
}

/// A bottleneck with a queue.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bandwidth {
    /// The number of bytes per second. With 0, no packet arrives.
    pub rate: u64,
    /// The length of the queue in bytes. A packet that does not fit is lost.
    pub queue: u64,
}

impl Weather {
    /// Returns the weather of a path without faults. Two such paths have this round-trip time.
    pub fn from_rtt(rtt: Duration) -> Self {
        Self {
            delay: rtt / 2,
            ..Self::default()
        }
    }
}
