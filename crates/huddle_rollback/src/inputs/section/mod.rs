//! The inputs in a tick packet: the streams of the *subscription* that the receiver requested last.
//!
//! Subscription 0 exists without a request: the sender's own seats from the first tick on.
//!
//! | bytes | |
//! |---|---|
//! | 1 | the low byte of the match number |
//! | 1 | bits 0 to 3: the lead, or 15 if it is 15 or more; bit 4: the clock difference follows; bit 5: a checksum follows; bit 6: the subscription number follows; bit 7: 0 and ignored |
//! | varint | if the lead is 15 or more: the lead minus 15 |
//! | 1 | if bit 6 is set: the subscription number |
//! | 1 | if bit 4 is set: the sender's estimate of how far it is ahead of the receiver, in eighths of a tick, signed |
//! | 2 + 8 | if bit 5 is set: the low 16 bits of a tick, and the hash of the state before it |
//! | ... | one stream per seat of the subscription, in its order |
//!
//! A stream:
//!
//! | bytes | |
//! |---|---|
//! | 1 | the number of ticks, 0 to 128; after 0 the stream ends |
//! | 1 | the low 8 bits of the first tick |
//! | varint | the number of bytes that follow; left out for the last stream of the section |
//! | ... | the ticks ([`delta`](super::delta)), without zero bytes at the end |
//!
//! The length lets a receiver skip the stream of a seat that it no longer accepts. The single stream
//! of most packets has no length.

mod head;
mod reader;
#[cfg(test)]
mod tests;
mod writer;

pub use self::reader::SectionError;
pub(crate) use self::{
    head::{Checksum, SectionHead},
    reader::{SectionReader, StreamPart},
    writer::write_section,
};
