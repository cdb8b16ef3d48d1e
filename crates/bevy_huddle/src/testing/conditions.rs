use std::time::Duration;

/// The conditions of a network in one direction.
///
/// The default is a perfect network that delivers every packet immediately.
///
/// ```
/// use std::time::Duration;
///
/// use bevy_huddle::testing::Conditions;
///
/// let mobile = Conditions {
///     latency: Duration::from_millis(60),
///     jitter: Duration::from_millis(40),
///     loss: 0.05,
///     ..Conditions::default()
/// };
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Conditions {
    /// The minimum delay in one direction. The round trip takes twice as long.
    pub latency: Duration,
    /// The maximum additional delay, uniformly distributed. Packets on the state channel can arrive
    /// out of order. The other channels restore the order.
    pub jitter: Duration,
    /// The fraction of packets that are lost, from 0 to 1. The reliable channels retransmit a lost
    /// packet after one second, then two, then four, and delay the packets after it.
    pub loss: f64,
    /// The fraction of state packets that arrive twice, from 0 to 1.
    pub duplicate: f64,
    /// The fraction of state packets that are delayed further, from 0 to 1. They take an additional
    /// `latency + jitter + 20 ms`.
    pub reorder: f64,
    /// The capacity in bytes per second, greater than 0, or `None` for unlimited. Each packet
    /// includes 93 bytes of headers. Excess packets of all channels wait in one queue, so the
    /// delay grows and the send queue fills up.
    pub bandwidth: Option<u32>,
}

impl Conditions {
    /// Returns the delay of a packet, with `chance` from 0 to 1 as the fraction of the jitter.
    pub(super) fn delay(&self, chance: f64) -> Duration {
        self.latency + self.jitter.mul_f64(chance)
    }

    /// Returns the additional delay of a reordered packet.
    pub(super) fn reorder_delay(&self) -> Duration {
        self.latency + self.jitter + Duration::from_millis(20)
    }

    /// Returns how long a packet of `len` bytes occupies the link.
    pub(super) fn airtime(&self, len: usize) -> Duration {
        /// The headers of a packet, from WebRTC down to IP.
        const HEADERS: usize = 93;
        self.bandwidth.map_or(Duration::ZERO, |bandwidth| {
            Duration::from_secs_f64((len + HEADERS) as f64 / f64::from(bandwidth.max(1)))
        })
    }
}
