use std::fmt;

/// The three data channels of every link, in the order in which they are negotiated.
///
/// They share one SCTP association, so a large message on one channel delays the others. Keep
/// messages small, and do not queue many at a time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Channel {
    /// Unreliable and unordered, for data that newer data replaces.
    State,
    /// Reliable and ordered, for small messages that must arrive.
    Events,
    /// Reliable and ordered, for large transfers that are not urgent.
    Bulk,
}

impl Channel {
    /// All channels, in negotiation order.
    pub const ALL: [Channel; 3] = [Channel::State, Channel::Events, Channel::Bulk];

    /// Returns the SCTP stream id of this channel, which is also its index in [`Channel::ALL`].
    pub const fn index(self) -> usize {
        self as usize
    }

    /// Returns whether the channel delivers every message, in order.
    pub const fn is_reliable(self) -> bool {
        !matches!(self, Channel::State)
    }

    /// Returns the maximum number of bytes in this channel's send queue. [`Room::send`] rejects
    /// messages that exceed it.
    ///
    /// The limit of [`Channel::State`] is small, so that data is not stale when it leaves the
    /// machine.
    ///
    /// [`Room::send`]: crate::Room::send
    pub const fn send_limit(self) -> usize {
        match self {
            Channel::State => 4 * 1024,
            Channel::Events | Channel::Bulk => 256 * 1024,
        }
    }

    /// Returns whether a control message may join `queued` bytes in the send queue. The limit
    /// bounds the queue, and a ping behind a long queue cannot measure the network.
    pub(crate) const fn takes_control(self, queued: usize) -> bool {
        let limit = self.send_limit();
        queued <= if self.is_reliable() { 2 * limit } else { limit }
    }

    pub(crate) fn label(self) -> String {
        // Negotiated channels need no label. Use that of matchbox clients, for debugging.
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn control_messages_join_a_full_queue_but_are_bounded() {
        for channel in Channel::ALL {
            assert!(
                channel.takes_control(channel.send_limit()),
                "a queue filled by the game rejects control messages on the {channel} channel"
            );
            assert!(!channel.takes_control(2 * channel.send_limit() + 1));
        }
        assert!(!Channel::State.takes_control(Channel::State.send_limit() + 1));
    }
}
