//! What an example says about its room: `globalThis.huddle` in a page, a line of JSON natively.

use serde::{Deserialize, Serialize};

/// One report.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct Report {
    /// The room's name or address.
    pub room: String,
    /// `joining`, `waiting`, `playing`, `retrying` or `failed`.
    pub state: String,
    /// This peer's id, once known.
    pub me: Option<String>,
    /// The others.
    pub peers: Vec<PeerReport>,
    /// Ticks simulated, 60 per second.
    pub tick: u64,
    /// What moves.
    pub entities: Vec<Entity>,
    /// Events received from others.
    pub events: u64,
    /// Why the room failed, as the screen shows it.
    #[serde(default)]
    pub failure: Option<String>,
    /// The texts on the screen.
    #[serde(default)]
    pub texts: Vec<String>,
    /// Why others who were here could not play.
    #[serde(default)]
    pub refusals: Vec<String>,
    /// Who sent what makes no sense.
    #[serde(default)]
    pub violations: Vec<String>,
    /// Frames that took long, with a probe.
    #[serde(default)]
    pub hitches: Vec<Pause>,
    /// Peers who are gone, with a probe.
    #[serde(default)]
    pub past: Vec<Past>,
}

/// One other peer.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct PeerReport {
    /// Its id.
    pub id: String,
    /// `connected` or `unresponsive`.
    pub state: String,
    /// Whether its page is hidden.
    #[serde(default)]
    pub stopped: bool,
    /// Round trip in milliseconds, once measured.
    pub rtt_ms: Option<f64>,
    /// `direct`, `relayed` or `unknown`.
    pub path: String,
    /// How many links to it have been opened.
    #[serde(default)]
    pub links: u32,
    /// Events sent to it.
    #[serde(default)]
    pub events_sent: u64,
    /// Events received from it.
    #[serde(default)]
    pub events_received: u64,
    /// Whether each event of it was the one after the event before.
    #[serde(default)]
    pub events_in_order: bool,
    /// The median delay of state in milliseconds, without a transfer and beside one.
    #[serde(default)]
    pub delays_ms: [Option<f64>; 2],
    /// When none of its states arrived, with a probe.
    #[serde(default)]
    pub gaps: Vec<Pause>,
    /// A transfer from or to it.
    #[serde(default)]
    pub transfer: Option<TransferReport>,
}

/// What became of the events with a peer who is gone.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct Past {
    /// Its id.
    pub id: String,
    /// Events sent to it.
    pub events_sent: u64,
    /// Events received from it.
    pub events_received: u64,
    /// Events of which the game was told that they may not have arrived.
    pub events_undelivered: u64,
    /// Whether each event of it was the one after the event before.
    pub events_in_order: bool,
}

/// From when to when nothing happened, in milliseconds since 1970.
#[derive(Clone, Copy, Debug, Deserialize, Serialize, PartialEq, Eq)]
pub struct Pause {
    /// When it began.
    pub from: u64,
    /// When it ended.
    pub to: u64,
}

impl Pause {
    /// How long, in milliseconds.
    pub fn length(&self) -> u64 {
        self.to.saturating_sub(self.from)
    }

    /// Whether they share a moment.
    pub fn overlaps(&self, other: &Self) -> bool {
        self.from <= other.to && other.from <= self.to
    }
}

/// How a transfer goes.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct TransferReport {
    /// Bytes that are there.
    pub done: u64,
    /// Bytes there will be.
    pub total: u64,
    /// How often progress was told.
    pub progress: u64,
    /// At the end, whether what arrived is what was sent.
    pub intact: Option<bool>,
}

/// One thing that moves.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct Entity {
    /// The peer it belongs to.
    pub owner: String,
    /// Position, to the right.
    pub x: f64,
    /// Position, upwards.
    pub y: f64,
}

impl Report {
    /// Whether this is a game with exactly so many others, all of them well.
    pub fn plays_with(&self, others: usize) -> bool {
        self.state == "playing"
            && self.peers.len() == others
            && self.peers.iter().all(|peer| peer.state == "connected")
    }

    /// This peer's id.
    ///
    /// # Errors
    /// If it has none yet.
    pub fn me(&self) -> anyhow::Result<String> {
        self.me
            .clone()
            .ok_or_else(|| anyhow::anyhow!("the report has no `me`: {self:?}"))
    }

    /// What it says of that peer.
    pub fn peer(&self, id: &str) -> Option<&PeerReport> {
        self.peers.iter().find(|peer| peer.id == id)
    }

    /// Whether that peer is listed.
    pub fn lists(&self, id: &str) -> bool {
        self.peer(id).is_some()
    }

    /// The ids of the others, in order.
    pub fn peer_ids(&self) -> Vec<&str> {
        let mut ids: Vec<&str> = self.peers.iter().map(|peer| peer.id.as_str()).collect();
        ids.sort_unstable();
        ids
    }

    /// Where that peer's first entity is.
    pub fn position_of(&self, owner: &str) -> Option<(f64, f64)> {
        let entity = self.entities.iter().find(|entity| entity.owner == owner)?;
        Some((entity.x, entity.y))
    }
}
