//! Sessions that play whole matches over the virtual network, and an oracle that knows the correct
//! result.

mod bounds;
mod cell;
mod condition;
mod fault;
mod game;
mod generate;
mod history;
mod oracle;
mod player;
mod scenario;
mod simulation;
mod truth;

pub use self::{
    condition::{Condition, UnknownCondition},
    fault::{Fault, Trouble},
    game::{HashGame, SimGame},
    scenario::{Failure, Scenario},
    simulation::{Conditions, Outcome, Restart, Simulation},
};
