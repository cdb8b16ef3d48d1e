//! What arrives: the pump takes it from the room, and it changes the world.

pub(crate) mod apply;
pub(crate) mod pump;
pub(crate) mod session_events;
