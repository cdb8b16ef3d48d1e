//! Applies received data to the world. Data flows one way: the pump polls the room, `mesh_events`
//! and `session_events` handle its events, and `apply` changes the world.

pub(crate) mod apply;
mod mesh_events;
pub(crate) mod pump;
mod session_events;
pub(crate) mod stats;
mod transfers;
