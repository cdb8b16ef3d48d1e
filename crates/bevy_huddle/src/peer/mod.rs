//! Peers: their components, events and admission, and the data that a room keeps about each of
//! them.

pub(crate) mod admission;
pub(crate) mod components;
pub(crate) mod events;
pub(crate) mod links;
pub(crate) mod pending;
pub(crate) mod transfers;
