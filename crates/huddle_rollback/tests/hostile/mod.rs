//! A rollback match with honest players and a hostile one.
//!
//! The hostile player runs an honest session for each honest player. These sessions get it through the
//! start of the match, and it can send different data to each player. Whatever it sends and does not
//! send, these conditions hold:
//!
//! - No session panics, and the amount of data that a session keeps is bounded.
//! - The honest players continue within a bounded time, with the hostile player, or without it from the
//!   same tick on.
//! - If it sent them different inputs, they detect the desync.
//! - If it splits them, each of them reports the split.

mod game;
mod honest;
mod ids;
mod judge;
mod messages;
mod opponent;
mod sections;
mod world;

use arbitrary::Unstructured;

pub use self::judge::Ending;

/// Plays a match that these bytes determine.
pub fn play(bytes: &[u8]) -> Ending {
    // If there are too few bytes, there is no match.
    world::play(&mut Unstructured::new(bytes)).unwrap_or(Ending::NeverStarted)
}
