//! Whole games by rollback in virtual time, over bad networks, with players who leave and vanish.
//! In all of them the oracle compares what players take for final, with each other's and with what
//! was done.

mod desync;
mod leaving;
mod links;
mod matrix;
mod playing;
mod scene;
mod starting;
