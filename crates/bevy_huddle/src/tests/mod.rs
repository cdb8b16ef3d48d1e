//! Tests that run whole games on a virtual network.

mod capacity;
mod conditioning;
mod declaring;
mod failing;
mod game;
mod joining;
mod kicking;
mod leaving;
mod local_peer;
mod measuring;
mod meeting;
mod misbehaving;
mod pending;
mod phases;
mod raw;
mod reentrancy;
mod reflecting;
mod room_settings;
mod sending_events;
mod starting;
mod ticking;
mod transferring;
mod whole_game;
