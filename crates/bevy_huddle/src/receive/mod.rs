//! What arrives goes one way: the pump takes it from the room, what the mesh or the session
//! reports is told apart, and `apply` changes the world.

pub(crate) mod apply;
mod mesh_events;
pub(crate) mod pump;
mod session_events;
pub(crate) mod stats;
mod transfers;
