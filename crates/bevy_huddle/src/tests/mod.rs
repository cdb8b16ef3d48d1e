//! What a game sees, over a virtual network.

mod failing;
mod game;
mod joining;
mod leaving;
mod measuring;
mod misbehaving;
mod sending_events;
mod sharing_state;
mod whole_game;
