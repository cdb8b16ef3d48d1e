use crate::packet::DeliveryStats;

/// Connection statistics of the session with a peer.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct SessionStats {
    /// Statistics of the tick packets.
    pub delivery: DeliveryStats,
    /// The number of events that the peer has not acknowledged.
    pub queued_events: usize,
    /// The bytes of these events, including a small overhead per event.
    pub queued_event_bytes: usize,
    /// The number of events queued for the peer since the session began.
    pub events_sent: u64,
    /// The number of events received from the peer since the session began.
    pub events_received: u64,
}
