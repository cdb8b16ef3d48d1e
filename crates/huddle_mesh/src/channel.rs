use std::fmt;

/// The three data channels of every link, in the order in which they are negotiated.
///
/// They share one SCTP association: a large message on one delays the others, so callers keep
/// what they send small and few at a time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Channel {
    /// Unreliable and unordered: what is newer replaces what is older.
    State,
    /// Reliable and ordered: small things that must arrive.
    Events,
    /// Reliable and ordered: large things that may take their time.
    Bulk,
}

impl Channel {
    /// All channels, in negotiation order.
    pub const ALL: [Channel; 3] = [Channel::State, Channel::Events, Channel::Bulk];

    /// The stream id negotiated for this channel; also its place in [`Channel::ALL`].
    pub const fn index(self) -> usize {
        self as usize
    }

    /// Whether the channel delivers everything, in order.
    pub const fn is_reliable(self) -> bool {
        !matches!(self, Channel::State)
    }

    /// How many bytes may wait in this channel's send queue before
    /// [`Room::send`](crate::Room::send) refuses more.
    ///
    /// Small for state, so that what is sent is not stale when it leaves the machine.
    pub const fn send_limit(self) -> usize {
        match self {
            Channel::State => 4 * 1024,
            Channel::Events | Channel::Bulk => 256 * 1024,
        }
    }

    /// Whether a message of the mesh itself may join so many bytes that wait on this channel.
    /// Pings are of no use behind them, and nothing may grow without end.
    pub(crate) const fn takes_control(self, queued: usize) -> bool {
        let limit = self.send_limit();
        queued <= if self.is_reliable() { 2 * limit } else { limit }
    }

    pub(crate) fn label(self) -> String {
        // Negotiated channels need no label; stock clients use this one, and it eases debugging.
        format!("matchbox_socket_{}", self.index())
    }
}

impl fmt::Display for Channel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Channel::State => "state",
            Channel::Events => "events",
            Channel::Bulk => "bulk",
        })
    }
}
