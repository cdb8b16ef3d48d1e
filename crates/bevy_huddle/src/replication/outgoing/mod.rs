//! What the local peer owns, from the world to the session.

pub(crate) mod changes;
pub(crate) mod enter;
pub(crate) mod leave;
pub(crate) mod settings;
