use crate::packet::DeliveryStats;

/// What a session knows of the way to a peer.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct SessionStats {
    /// What its packets tell.
    pub delivery: DeliveryStats,
    /// Events that are not known to have arrived.
    pub queued_events: usize,
    /// Their bytes, and a little more for each.
    pub queued_event_bytes: usize,
    /// Events that were queued for the peer since the session began.
    pub events_sent: u64,
    /// Events that came from the peer since then.
    pub events_received: u64,
}
