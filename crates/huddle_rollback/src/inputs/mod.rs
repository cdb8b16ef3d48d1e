//! Inputs as bytes, and the section of a tick packet that carries them.
//!
//! Each packet carries all ticks of a seat that the receiver has not acked. An input is encoded
//! relative to the two inputs before it, and the receiver has those of the first tick. No other
//! state exists, so a receiver decodes packets in any order.

mod bits;
mod delta;
mod encoded;
#[cfg(any(fuzzing, test))]
mod fuzzing;
mod input;
mod limits;
mod section;
#[cfg(test)]
mod simulation;
mod stream;

#[cfg(any(fuzzing, test))]
pub use self::fuzzing::input_sections;
pub use self::{
    bits::{BitReader, BitWriter},
    encoded::InputTooLong,
    input::{Input, InputCodec, PackInput, PackedInput, SerdeInput},
    limits::{MAX_INPUT_LEN, MAX_UNACKED},
    section::SectionError,
    stream::StreamError,
};
pub(crate) use self::{
    encoded::EncodedLog,
    section::{Checksum, SectionHead, SectionReader, write_section},
    stream::{InStream, OutStream},
};
