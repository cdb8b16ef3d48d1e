//! What the benchmark measures.

use transport_peer::Channel;

use crate::network::Network;

/// A combination of conditions.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Cell {
    pub(crate) network: Network,
    pub(crate) kind: Kind,
}

/// What a cell measures.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Kind {
    /// The round-trip time of echo messages that peers read every millisecond.
    RoundTrip {
        peers: usize,
        payload: usize,
        channel: Channel,
    },
    /// The CPU time and memory of peers that read their messages 60 times per second, like a game.
    Cost { peers: usize },
    /// The time from joining a room to the first message.
    Join,
    /// The number of bytes per second on a reliable channel.
    Throughput { payload: usize },
}

impl Cell {
    /// Returns all cells.
    pub(crate) fn all() -> Vec<Self> {
        let mut cells = Vec::new();
        for network in Network::ALL {
            let mut add = |kind| cells.push(Self { network, kind });
            for peers in [2, 8] {
                for payload in [32, 1000] {
                    add(Kind::RoundTrip {
                        peers,
                        payload,
                        channel: Channel::Unreliable,
                    });
                }
            }
            add(Kind::RoundTrip {
                peers: 2,
                payload: 32,
                channel: Channel::Reliable,
            });
            if network == Network::Clean {
                add(Kind::Cost { peers: 2 });
                add(Kind::Cost { peers: 8 });
            }
            add(Kind::Join);
            // huddle_mesh takes messages of at most 16 000 bytes.
            for payload in [1_000, 4_000, 16_000] {
                add(Kind::Throughput { payload });
            }
        }
        cells.sort_by_key(Self::group);
        cells
    }

    /// Returns the heading under which the cell is printed.
    pub(crate) fn group(&self) -> &'static str {
        match self.kind {
            Kind::Cost { .. } => "CPU time and memory",
            Kind::Join => "Join",
            Kind::RoundTrip { .. } => "Round-trip time",
            Kind::Throughput { .. } => "Throughput",
        }
    }

    /// Returns the conditions in words.
    pub(crate) fn title(&self) -> String {
        let network = self.network.name();
        match self.kind {
            Kind::RoundTrip {
                peers,
                payload,
                channel,
            } => {
                let channel = match channel {
                    Channel::Unreliable => "unreliable",
                    Channel::Reliable | Channel::Bulk => "reliable",
                };
                format!("{network}, {peers} peers, {payload} B, {channel}")
            }
            Kind::Cost { peers } => format!("{network}, {peers} peers, 32 B at 60 Hz"),
            Kind::Join => format!("{network}, one member in the room"),
            Kind::Throughput { payload } => format!("{network}, messages of {payload} B"),
        }
    }
}
