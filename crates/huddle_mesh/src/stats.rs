use std::time::Duration;

/// What is known about the link to a player.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct LinkStats {
    /// The network's round trip, smoothed; waiting for a frame is not part of it. `None` until
    /// the first answer.
    pub rtt: Option<Duration>,
    /// The lowest round trip seen on this link.
    pub rtt_min: Option<Duration>,
    /// How long nothing has been heard while this side was listening.
    pub silence: Duration,
    /// Bytes handed to this link since the player joined, without the network's own headers.
    pub bytes_sent: u64,
    /// Bytes received.
    pub bytes_received: u64,
    /// Packets handed to this link.
    pub packets_sent: u64,
    /// Packets received.
    pub packets_received: u64,
    /// Received packets dropped because the game did not read them in time.
    pub packets_unread: u64,
    /// Bytes accepted but not yet taken by the network, by [`Channel::index`](crate::Channel::index).
    pub queued: [usize; 3],
    /// Which way the link goes.
    pub path: Path,
    /// How many links to this player have been opened; more than one means replacements.
    pub links: u32,
    /// Why the peer's game does not run, if it says that it does not. The link stays open, and what
    /// is sent waits for the game.
    pub stopped: Option<StopReason>,
}

/// Why a peer's game does not run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum StopReason {
    /// The game has not polled its room for a second: it loads, hangs, or waits in a debugger.
    Busy,
    /// The platform has stopped the game: the page is frozen, or hidden without anything that keeps
    /// the game running, or the phone is locked.
    Frozen,
}

/// Which way a link goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Path {
    /// Not known yet.
    #[default]
    Unknown,
    /// Straight between the machines.
    Direct,
    /// Over a TURN server.
    Relayed,
}

impl Path {
    /// `direct`, `relayed` or `unknown`.
    pub fn as_str(self) -> &'static str {
        match self {
            Path::Unknown => "unknown",
            Path::Direct => "direct",
            Path::Relayed => "relayed",
        }
    }
}
