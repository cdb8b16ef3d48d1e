//! Whole rollback matches in virtual time, over bad networks and with players that leave or vanish.
//!
//! The oracle compares the confirmed ticks of all players with each other and with the sampled inputs.

mod desync;
mod leaving;
mod links;
mod matrix;
mod playing;
mod rematch;
mod scene;
mod starting;
