//! Sessions that play a whole game over the virtual network, and an oracle that knows what must
//! come out.

mod cell;
mod fault;
mod game;
mod history;
mod oracle;
mod player;
mod scenario;
mod simulation;
mod truth;

pub use self::{
    fault::{Fault, Trouble},
    game::{HashGame, SimGame},
    scenario::{Condition, Failure, Scenario, UnknownCondition},
    simulation::{Conditions, Outcome, Simulation},
};
