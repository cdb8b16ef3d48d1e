use std::time::Duration;

/// Statistics of the link to a peer.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct LinkStats {
    /// The smoothed round-trip time of the network, without the time that a packet waits for the
    /// next frame. `None` until the first reply.
    pub rtt: Option<Duration>,
    /// The lowest round-trip time measured on this link.
    pub rtt_min: Option<Duration>,
    /// The time since the last packet from the peer, without the time that the local process was
    /// stopped.
    pub silence: Duration,
    /// The number of bytes sent since the peer joined, without the headers of the network.
    pub bytes_sent: u64,
    /// The number of bytes received since the peer joined.
    pub bytes_received: u64,
    /// The number of packets sent.
    pub packets_sent: u64,
    /// The number of packets received.
    pub packets_received: u64,
    /// The number of received packets that were dropped because the game did not read them in time.
    pub packets_unread: u64,
    /// The number of bytes in the send queue of each channel, by
    /// [`Channel::index`](crate::Channel::index).
    pub queued: [usize; 3],
    /// The path of the link.
    pub path: Path,
    /// The number of links to this peer so far. Each link after the first replaced another.
    pub links: u32,
    /// The reason why the peer's game is stopped, if the peer reports that. The link stays open,
    /// and the peer queues received packets until its game runs again.
    pub stopped: Option<StopReason>,
}

/// The reason why a peer's game is stopped.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum StopReason {
    /// The game has not polled its room for a second, for example because it is loading, hangs, or
    /// is paused in a debugger.
    Busy,
    /// The platform has stopped the game, for example because the phone is locked or the page is
    /// frozen. A hidden page is also stopped, unless something keeps the game running.
    Frozen,
}

/// The path of a link.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Path {
    /// The path is not known yet.
    #[default]
    Unknown,
    /// Packets travel directly between the machines.
    Direct,
    /// A TURN server relays the packets.
    Relayed,
}

impl Path {
    /// Returns `direct`, `relayed` or `unknown`.
    pub fn as_str(self) -> &'static str {
        match self {
            Path::Unknown => "unknown",
            Path::Direct => "direct",
            Path::Relayed => "relayed",
        }
    }
}
