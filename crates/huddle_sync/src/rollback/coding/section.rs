//! The inputs in a tick packet: those of the sender's own seats, and of seats that it relays.
//!
//! | bytes | |
//! |---|---|
//! | 1 | bits 0 to 4: the lead, 31 if it is that or more; bit 5: a checksum follows; bit 6: relayed streams follow the own; bit 7: 0 |
//! | varint | if the lead is 31 or more: by how much more |
//! | 2 + 8 | if there is a checksum: the low 16 bits of its tick, and the hash |
//! | ... | a stream for each of the sender's seats, in the agreed order |
//! | ... | relayed streams, each after a byte: bits 0 to 3: the seat; bit 7: another one follows; the others 0 |
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

mod reader;
#[cfg(test)]
mod tests;
mod writer;

pub use self::reader::SectionError;
pub(crate) use self::{
    reader::{Place, SectionReader, StreamPart},
    writer::SectionWriter,
};

use crate::Tick;

const MAX_SHORT_LEAD: u8 = 31;
const HAS_CHECKSUM: u8 = 1 << 5;
const HAS_RELAYED: u8 = 1 << 6;
const RESERVED: u8 = 1 << 7;

/// In a relayed stream's seat.
const MORE_FOLLOW: u8 = 1 << 7;

/// Instead of how many ticks.
const PARTS: u8 = 255;

/// What goes before the inputs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct SectionHead {
    /// By how many ticks the newest input is ahead of the tick that the sender simulates next.
    pub(crate) lead: u32,
    pub(crate) checksum: Option<Checksum>,
}

/// The hash of a state of the sender.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Checksum {
    pub(crate) tick: Tick,
    pub(crate) hash: u64,
}
