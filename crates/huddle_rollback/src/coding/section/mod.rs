//! The inputs in a tick packet: the *set* of streams that its receiver has asked for.
//!
//! Set number 0, the sender's own seats from the first tick on, goes without saying.
//!
//! | bytes | |
//! |---|---|
//! | 1 | bits 0 to 3: the lead, 15 if it is that or more; bit 4: how far ahead the sender is follows; bit 5: a checksum follows; bit 6: the set has another number than 0; bit 7: the low bit of the game's number |
//! | varint | if the lead is 15 or more: by how much more |
//! | 1 | if bit 6 says so: the number of the set |
//! | 1 | if bit 4 says so: by how many eighths of a tick the sender takes itself to be ahead of the receiver, signed |
//! | 2 + 8 | if there is a checksum: the low 16 bits of its tick, and the hash |
//! | ... | a stream for each seat of the set, in its order |
//!
//! A stream is:
//!
//! | bytes | |
//! |---|---|
//! | 1 | how many ticks: 0 to 128; or 255: parts of one input. With 0 there is nothing more. |
//! | 1 | the low 8 bits of the first tick |
//! | varint | how many bytes follow; left out for the last stream of the section |
//! | ... | the coded ticks, or the parts |
//!
//! Each stream can so be left out without being read: one whose base has been passed, or of a seat
//! that is gone. For the one stream that most packets have, it costs nothing.

mod head;
mod reader;
#[cfg(test)]
mod tests;
mod writer;

pub use self::reader::SectionError;
pub(crate) use self::{
    head::{Checksum, SectionHead},
    reader::SectionReader,
    writer::SectionWriter,
};
