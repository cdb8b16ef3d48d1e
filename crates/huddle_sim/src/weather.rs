use std::time::Duration;

/// What happens to packets on one path, which is one direction of a link. Likelihoods are from 0 to
/// 1. The default is a perfect network.
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
    /// How likely a packet is lost while there is no burst.
    pub loss: f64,
    /// Times of heavy loss.
    pub burst: Option<Burst>,
    /// How long every packet takes.
    pub delay: Duration,
    /// What is added to the delay of each packet: uniform, from nothing to this. Packets sent less
    /// than this apart may overtake each other.
    pub jitter: Duration,
    /// How likely a packet arrives twice, each copy with its own jitter.
    pub duplication: f64,
    /// What the path carries at most.
    pub bandwidth: Option<Bandwidth>,
}

/// Loss that comes in bursts (the Gilbert-Elliott model): a path is in a burst or not, and may
/// change once per step.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Burst {
    /// How likely one begins at a step. On average one begins after `1 / begins` steps.
    pub begins: f64,
    /// How likely one ends at a step. On average it lasts `1 / ends` steps.
    pub ends: f64,
    /// How likely a packet is lost during one.
    pub loss: f64,
}

/// A bottleneck with a queue before it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bandwidth {
    /// Bytes per second that it carries. With 0 nothing passes.
    pub rate: u64,
    /// Bytes that wait at most; a packet that would make it more is lost.
    pub queue: u64,
}

impl Weather {
    /// A path without faults that takes half of this time; both directions with it make the round
    /// trip.
    pub fn from_rtt(rtt: Duration) -> Self {
        Self {
            delay: rtt / 2,
            ..Self::default()
        }
    }
}
