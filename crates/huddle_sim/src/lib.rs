//! Whole rollback matches on a virtual clock and a virtual network. The same seed plays the same match
//! on every machine, and much faster than in real time.
//!
//! - [`Network`] carries packets between players through the [`Weather`] of every path: loss,
//!   bursts of loss, delay, jitter, duplicates, limited bandwidth and cut links.
//! - [`Scenario`] is a match that a seed determines, under one of many [`Condition`]s. An oracle
//!   checks every tick. [`Simulation`] is a match that a test sets up.
//! - [`Cell`] is a match to measure netcode in, [`Tally`] counts the events of one player, and
//!   [`CellResult`] sums up all players. Sessions play it with [`Cell::play`].
//! - [`Ideal`] plays a cell without any protocol: its players receive every input as soon as the
//!   network allows it. Netcode that stalls more often causes these stalls itself.

mod cell;
mod draw;
mod ideal;
mod network;
mod path;
mod play;
mod stream;
mod tally;
mod weather;

pub use self::{
    cell::{Cell, CellResult, Inputs},
    ideal::Ideal,
    network::{Arrival, Network, Traffic},
    play::{
        Condition, Conditions, Failure, Fault, HashGame, Outcome, Restart, Scenario, SimGame,
        Simulation, Trouble, UnknownCondition,
    },
    tally::Tally,
    weather::{Bandwidth, Burst, Weather},
};
