use std::time::Duration;

/// What is known of the way to a peer from the packets that went there and came from there.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct DeliveryStats {
    /// The time to the peer and back, smoothed as in RFC 6298, without what packets wait there for
    /// their turn. `None` until it has been measured.
    pub rtt: Option<Duration>,
    /// The shortest round trip of the last 5 to 10 seconds in which one was measured.
    pub rtt_min: Option<Duration>,
    /// The share of the last packets (up to 256) that were sent and not acked in time, from 0 to 1.
    /// Packets that only ack do not count.
    pub loss: f32,
    /// How unevenly the peer's packets arrive, as in RFC 3550.
    pub jitter: Duration,
    /// How many ticks the peer's clock is ahead of the own one, smoothed; negative if it is behind.
    /// `None` until a round trip has been measured.
    pub tick_offset: Option<f64>,
    /// Packets sent.
    pub packets_sent: u64,
    /// Packets received, without duplicates and those that came too late to count.
    pub packets_received: u64,
    /// Bytes in the packets sent.
    pub bytes_sent: u64,
    /// Bytes in the packets received.
    pub bytes_received: u64,
}

#[derive(Debug, Default)]
pub(super) struct Counts {
    pub(super) packets_sent: u64,
    pub(super) packets_received: u64,
    pub(super) bytes_sent: u64,
    pub(super) bytes_received: u64,
}

impl Counts {
    pub(super) fn sent(&mut self, len: usize) {
        self.packets_sent += 1;
        self.bytes_sent += len as u64;
    }

    pub(super) fn received(&mut self, len: usize) {
        self.packets_received += 1;
        self.bytes_received += len as u64;
    }
}
