//! Peers: what the game sees of the other players, who is let in, and what a room knows of each.

pub(crate) mod admission;
pub(crate) mod components;
pub(crate) mod events;
pub(crate) mod links;
pub(crate) mod pending;
pub(crate) mod transfers;
