//! Whole games on a virtual clock and a virtual network: the same seed plays the same game, on any
//! machine and faster than time passes.
//!
//! - [`Network`] carries packets between players through the [`Weather`] of every path: loss,
//!   bursts of it, delay, jitter, duplicates, bandwidth, cut links.
//! - [`Ideal`] plays without any protocol: its players learn every input as soon as the network
//!   allows it. Whoever stalls more often than they do loses that time by its own doing.
//! - [`Cell`] is a game to compare in, [`Tally`] what a player counts and [`CellResult`] what is said
//!   of all players together. Sessions play it with [`Cell::play`].

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
        Condition, Conditions, Failure, Fault, HashGame, Outcome, Scenario, SimGame, Simulation,
        Trouble, UnknownCondition,
    },
    tally::Tally,
    weather::{Bandwidth, Burst, Weather},
};
