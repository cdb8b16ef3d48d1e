//! What the plugins do, shown with several `App`s over a network in memory.

mod failing;
mod hub;
mod joining;
mod leaving;
mod misbehaving;
mod player;
mod sending_events;
mod sharing_state;
