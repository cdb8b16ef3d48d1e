use std::time::Duration;

/// How a network treats what is sent over it, one way.
///
/// The default is a perfect one: everything arrives at once.
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
    /// How long everything takes at least, one way; the round trip is twice that.
    pub latency: Duration,
    /// How much longer it may take, evenly distributed. What is sent later may thus arrive earlier
    /// on the state channel; on the others it waits for its turn.
    pub jitter: Duration,
    /// The share of packets that get lost, 0 to 1. On the reliable channels they are sent again
    /// after a second, then two, then four, and what is behind them waits.
    pub loss: f64,
    /// The share of state packets that arrive twice, 0 to 1.
    pub duplicate: f64,
    /// The share of state packets that are held up on the way, 0 to 1: they take twice as long as
    /// the slowest others, and 20 ms more.
    pub reorder: f64,
    /// How many bytes pass per second, with 93 for each packet's headers; more than 0, `None` for
    /// any number. What does not pass at once waits in line, whatever its channel, so that the
    /// delay grows and the credit shrinks.
    pub bandwidth: Option<u32>,
}

impl Conditions {
    /// How long something takes to arrive, `chance` being 0 to 1.
    pub(super) fn delay(&self, chance: f64) -> Duration {
        self.latency + self.jitter.mul_f64(chance)
    }

    /// How much longer it takes if it is held up.
    pub(super) fn hold_up(&self) -> Duration {
        self.latency + self.jitter + Duration::from_millis(20)
    }

    /// How long a packet of `len` bytes keeps the line busy.
    pub(super) fn airtime(&self, len: usize) -> Duration {
        /// What WebRTC puts around a packet, down to IP.
        const HEADERS: usize = 93;
        self.bandwidth.map_or(Duration::ZERO, |bandwidth| {
            Duration::from_secs_f64((len + HEADERS) as f64 / f64::from(bandwidth.max(1)))
        })
    }
}
