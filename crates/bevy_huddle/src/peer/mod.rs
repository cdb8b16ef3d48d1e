//! Peers: what the game sees of the other players.

pub(crate) mod components;
pub(crate) mod pending;
