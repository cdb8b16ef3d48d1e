use std::time::Duration;

use huddle_rollback::{RollbackEvent, RollbackMemory, RollbackStats};
use huddle_session::Tick;

use crate::{
    network::Traffic,
    play::{fault::Fault, player::Inputs},
    weather::Weather,
};

/// The conditions under which a match is simulated.
pub struct Conditions<I> {
    /// The seed of all random values.
    pub seed: u64,
    /// The weather of all paths.
    pub weather: Weather,
    /// The faults, in the order in which they happen.
    pub faults: Vec<Fault>,
    /// The factor by which each player's ticks take longer, such as 1.0001. The clocks of the other
    /// players are exact.
    pub drift: Vec<f64>,
    /// Whether players follow [`RollbackSession::speed`](huddle_rollback::RollbackSession::speed).
    pub follows_speed: bool,
    /// Whether the weather is perfect until all players have started.
    pub starts_fine: bool,
    /// The time of each player's first step.
    pub begins: Vec<Duration>,
    /// Returns the input of a seat at a tick.
    pub inputs: Box<Inputs<I>>,
}

/// The result of a match for one player.
#[derive(Debug, Clone, PartialEq)]
pub struct Outcome {
    /// The statistics of the match.
    pub stats: RollbackStats,
    /// The traffic that the player sent.
    pub sent: Traffic,
    /// The events that the session reported.
    pub events: Vec<RollbackEvent>,
    /// The messages of other players that the session rejected.
    pub errors: Vec<String>,
    /// The number of steps since the match started.
    pub steps: u64,
    /// The next tick.
    pub tick: Tick,
    /// Whether the player was still in the room at the end.
    pub is_here: bool,
    /// The time for which the match waited at each departure of other players.
    pub freezes: Vec<Duration>,
    /// The longest time from sampling an input to the packet that carries it.
    pub input_to_packet: Duration,
    /// The number of checksums that the session requested.
    pub checksums: u64,
    /// The maximum amount of data that the session kept.
    pub memory: RollbackMemory,
}
