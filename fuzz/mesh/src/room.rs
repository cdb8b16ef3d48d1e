//! A room with hostile members and a hostile server.
//!
//! Their messages are structured, so that the decoders accept them. Each link can also take its
//! next honest step, so that a scenario can open links before it turns hostile.

mod checks;
mod remote;
mod scenario;

pub use scenario::{Message, Scenario};
