//! A room among members and a server that say whatever they like.
//!
//! What the others say is structured, so that it gets past the decoders, and each link can take
//! the next honest step, so that introductions are completed before the game is spoiled.

mod checks;
mod other;
mod play;

pub use play::{Play, Said};
