//! A game by rollback with honest players and one who is not.
//!
//! The hostile player has a link to each of the others and an honest machine for each of them, so
//! that it gets through the start, can play along and can tell everybody something else. Whatever
//! it says and leaves out beside that, nothing panics, what it can have others keep is bounded, and
//! the honest ones go on within a time: with it, or without it from the same tick on. Where it gave
//! them different inputs, they find out that their games differ. It can have them part, and then
//! each knows that it is on a side.

mod game;
mod honest;
mod ids;
mod judge;
mod mallory;
mod said;
mod world;

use arbitrary::Unstructured;

pub use self::judge::Ending;

/// A game in which everything that happens is read from these bytes.
pub fn play(bytes: &[u8]) -> Ending {
    // With too few of them there is no game.
    world::play(&mut Unstructured::new(bytes)).unwrap_or(Ending::NeverBegan)
}
