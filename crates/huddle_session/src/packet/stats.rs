use std::time::Duration;

/// Statistics of the tick packets exchanged with a peer.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct DeliveryStats {
    /// The round-trip time, smoothed as in RFC 6298, without the time that the peer holds packets.
    /// `None` until it is measured.
    pub rtt: Option<Duration>,
    /// The minimum round-trip time of the last 5 to 10 seconds with measurements.
    pub rtt_min: Option<Duration>,
    /// The share of recent packets (up to 256) that were not acked in time, from 0 to 1. Packets
    /// that only carry acks do not count.
    pub loss: f32,
    /// The jitter of the peer's packets, as in RFC 3550.
    pub jitter: Duration,
    /// The number of ticks by which the peer's clock is ahead of the local one, smoothed; negative
    /// if it is behind. `None` until a round-trip time is measured.
    pub tick_offset: Option<f64>,
    /// The number of packets sent.
    pub packets_sent: u64,
    /// The number of packets received, without duplicates and packets that arrived too late.
    pub packets_received: u64,
    /// The number of bytes in the sent packets.
    pub bytes_sent: u64,
    /// The number of bytes in the received packets.
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
