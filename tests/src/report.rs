//! The reports of the test player: `globalThis.huddle` in a page, lines of JSON natively.

use std::collections::HashMap;

use serde::{Deserialize, Serialize};

/// The state of a player's game.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct Report {
    /// The room's name or URL.
    pub room: String,
    /// `joining`, `waiting`, `playing`, `retrying` or `failed`.
    pub state: String,
    /// The local peer's id, once known.
    pub local_id: Option<String>,
    /// The other peers.
    pub peers: Vec<PeerReport>,
    /// The number of simulated ticks, 60 per second.
    pub tick: u64,
    /// The players' shapes.
    pub entities: Vec<Entity>,
    /// The number of events received from other peers.
    pub events: u64,
    /// The reason why the room failed, as shown on the screen.
    #[serde(default)]
    pub failure: Option<String>,
    /// The texts on the screen.
    #[serde(default)]
    pub texts: Vec<String>,
    /// The reasons why peers were refused.
    #[serde(default)]
    pub refusals: Vec<String>,
    /// The protocol violations of peers and servers.
    #[serde(default)]
    pub violations: Vec<String>,
    /// Slow frames. Requires a probe.
    #[serde(default)]
    pub hitches: Vec<Pause>,
    /// Peers that left. Requires a probe.
    #[serde(default)]
    pub departed: Vec<DepartedPeer>,
    /// The match of `duel`.
    #[serde(default, rename = "match")]
    pub duel_match: Option<DuelMatch>,
    /// The bodies of `cubes`.
    #[serde(default)]
    pub cubes: Option<CubesWorld>,
    /// The match with rollback. Requires the setting `match`.
    #[serde(default)]
    pub rollback: Option<Rollback>,
    /// The simulation of the input log. Requires the setting `log`.
    #[serde(default)]
    pub input_log: Option<InputLog>,
}

/// The bodies of `cubes`.
#[derive(Clone, Debug, Default, Deserialize, Serialize, PartialEq)]
pub struct CubesWorld {
    /// The number of cubes.
    pub count: usize,
    /// The number of bodies that move.
    pub moving: usize,
    /// The number of cubes of each owner. Cubes without an owner are not counted.
    pub owned: HashMap<String, usize>,
    /// The cubes, sorted by number, while no body moves.
    pub cubes: Vec<CubeReport>,
    /// The largest share of its budget that a link used within one second.
    pub most_of_budget: f64,
    /// The median and the maximum duration of the last ticks, in milliseconds.
    pub tick_ms: [f64; 2],
}

/// A cube.
#[derive(Clone, Debug, Default, Deserialize, Serialize, PartialEq)]
pub struct CubeReport {
    /// Its number in the level.
    pub number: u32,
    /// The position of its center, in meters.
    pub at: [f32; 3],
    /// The id of its owner, if it has one.
    pub owner: Option<String>,
}

/// The match of `duel`.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
pub struct DuelMatch {
    /// The number of matches so far.
    pub number: u32,
    /// The number of seats, or 0 without a match.
    pub seats: usize,
    /// The seats whose inputs the match waits for.
    pub missing: Vec<u8>,
    /// The first tick that is not confirmed.
    pub confirmed_tick: u32,
    /// The number of rollbacks.
    pub rollbacks: u64,
    /// The depth in ticks that 99 % of the rollbacks do not exceed.
    pub depth_p99: usize,
    /// The number of steps in which the match waited.
    pub stalls: u64,
    /// The number of differences between players since the start of the game.
    pub desyncs: u32,
    /// The newest checksum that all players compare.
    pub checksum_at: Option<Checksum>,
}

/// The checksum of a state of a match.
#[derive(Clone, Debug, Deserialize, Serialize, PartialEq, Eq)]
pub struct Checksum {
    /// The first tick that is not part of the state.
    pub tick: u32,
    /// The checksum, as 16 hexadecimal digits.
    pub value: String,
}

/// The simulation of the input log.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
pub struct InputLog {
    /// The tick that is simulated next.
    pub tick: u32,
    /// The number of archetypes with bodies.
    pub archetypes: usize,
    /// The number of bodies.
    pub bodies: usize,
    /// The number of bodies that were spawned during the simulation.
    pub spawned: u32,
    /// The number of rollbacks.
    pub rollbacks: u32,
    /// The checksum of the state after each tick, as 16 hexadecimal digits. Empty until the last tick.
    pub checksums: String,
    /// The values after the last tick.
    pub values: Vec<String>,
    /// The time to load a state, simulate eight ticks and save each of them, in microseconds: the median and the
    /// maximum.
    pub rollback_us: Option<[u64; 2]>,
}

/// A match with rollback.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
pub struct Rollback {
    /// The tick that is simulated next.
    pub tick: u32,
    /// The first tick that is not confirmed.
    pub confirmed: u32,
    /// The number of seats.
    pub seats: usize,
    /// The number of rollbacks.
    pub rollbacks: u64,
    /// The number of steps in which the match waited.
    pub stalls: u64,
    /// The number of checksums that were compared with those of the other players.
    pub compared: u64,
    /// The number of differences between players.
    pub desyncs: u32,
    /// The number of matches that did not start.
    pub failed_starts: u32,
    /// The number of effects that were started.
    pub bangs: u32,
    /// The first value that a desync report named.
    #[serde(default)]
    pub difference: Option<Difference>,
}

/// A value that differs between two players.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct Difference {
    /// The tick of the match in which the report arrived.
    pub reported_at: u32,
    /// The tick whose states differ.
    pub tick: u32,
    /// The name of the component.
    pub component: String,
    /// The number of the entity.
    pub entity: u64,
    /// The local value.
    pub mine: Option<String>,
    /// The value of the other player.
    pub theirs: Option<String>,
}

/// The state of another peer.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct PeerReport {
    /// The peer's id.
    pub id: String,
    /// `connected` or `reconnecting`.
    pub state: String,
    /// Whether the peer's game is stopped.
    #[serde(default)]
    pub stopped: bool,
    /// The round-trip time in milliseconds, once measured.
    pub rtt_ms: Option<f64>,
    /// `direct`, `relayed` or `unknown`.
    pub path: String,
    /// The number of links that have been opened to the peer.
    #[serde(default)]
    pub links: u32,
    /// The number of events sent to the peer.
    #[serde(default)]
    pub events_sent: u64,
    /// The number of events received from the peer.
    #[serde(default)]
    pub events_received: u64,
    /// Whether the peer's events arrived in order and without gaps.
    #[serde(default)]
    pub events_in_order: bool,
    /// The median delay of state in milliseconds, without a transfer and during one.
    #[serde(default)]
    pub delays_ms: [Option<f64>; 2],
    /// The periods in which no state of the peer arrived. Requires a probe.
    #[serde(default)]
    pub gaps: Vec<Pause>,
    /// A transfer from or to the peer.
    #[serde(default)]
    pub transfer: Option<TransferReport>,
}

/// The events exchanged with a peer that left.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct DepartedPeer {
    /// The peer's id.
    pub id: String,
    /// The number of events sent to the peer.
    pub events_sent: u64,
    /// The number of events received from the peer.
    pub events_received: u64,
    /// The number of events that were reported as undelivered.
    pub events_undelivered: u64,
    /// Whether the peer's events arrived in order and without gaps.
    pub events_in_order: bool,
}

/// A period without activity, in milliseconds since 1970.
#[derive(Clone, Copy, Debug, Deserialize, Serialize, PartialEq, Eq)]
pub struct Pause {
    /// The start.
    pub from: u64,
    /// The end.
    pub to: u64,
}

impl Pause {
    /// Returns the length in milliseconds.
    pub fn length(&self) -> u64 {
        self.to.saturating_sub(self.from)
    }

    /// Returns whether two periods overlap.
    pub fn overlaps(&self, other: &Self) -> bool {
        self.from <= other.to && other.from <= self.to
    }
}

/// The progress of a transfer.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct TransferReport {
    /// The number of received bytes.
    pub done: u64,
    /// The total number of bytes.
    pub total: u64,
    /// The number of progress events.
    pub progress: u64,
    /// Whether the received bytes equal the sent bytes. `None` until the transfer ends.
    pub intact: Option<bool>,
}

/// A player's shape.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct Entity {
    /// The id of its owner.
    pub owner: String,
    /// The horizontal position. It increases to the right.
    pub x: f64,
    /// The vertical position. It increases upwards.
    pub y: f64,
}

impl Report {
    /// Returns the match with rollback, or an empty one.
    pub fn rollback(&self) -> Rollback {
        self.rollback.clone().unwrap_or_default()
    }

    /// Returns the match of `duel`, or an empty one.
    pub fn duel_match(&self) -> DuelMatch {
        self.duel_match.clone().unwrap_or_default()
    }

    /// Returns the bodies of `cubes`, or none.
    pub fn cubes(&self) -> CubesWorld {
        self.cubes.clone().unwrap_or_default()
    }

    /// Returns whether the game is played with exactly `others` other peers, all of them connected.
    pub fn plays_with(&self, others: usize) -> bool {
        self.state == "playing"
            && self.peers.len() == others
            && self.peers.iter().all(|peer| peer.state == "connected")
    }

    /// Returns the local peer's id.
    ///
    /// # Errors
    /// Returns an error if the id is unknown.
    pub fn local_id(&self) -> anyhow::Result<String> {
        self.local_id
            .clone()
            .ok_or_else(|| anyhow::anyhow!("the report has no `local_id`: {self:?}"))
    }

    /// Returns the state of a peer, if it is in the room.
    pub fn peer(&self, id: &str) -> Option<&PeerReport> {
        self.peers.iter().find(|peer| peer.id == id)
    }

    /// Returns whether a peer is in the room.
    pub fn lists(&self, id: &str) -> bool {
        self.peer(id).is_some()
    }

    /// Returns the sorted ids of the other peers.
    pub fn peer_ids(&self) -> Vec<&str> {
        let mut ids: Vec<&str> = self.peers.iter().map(|peer| peer.id.as_str()).collect();
        ids.sort_unstable();
        ids
    }

    /// Returns the position of a peer's first entity.
    pub fn position_of(&self, owner: &str) -> Option<(f64, f64)> {
        let entity = self.entities.iter().find(|entity| entity.owner == owner)?;
        Some((entity.x, entity.y))
    }
}
