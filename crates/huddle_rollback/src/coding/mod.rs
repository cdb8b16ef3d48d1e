//! Inputs as bytes, and those bytes on the wire: each packet carries all ticks of a seat that the
//! receiver is not known to have, coded by a model that both ends train on those it has.

mod bits;
mod encoded;
#[cfg(any(fuzzing, test))]
mod fuzzing;
mod input;
mod limits;
mod model;
mod oversize;
mod probability;
mod range_coder;
mod section;
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
    section::{Checksum, SectionHead, SectionReader, SectionWriter},
    stream::{Carried, InStream, OutStream, Scratch},
};

#[cfg(test)]
mod measure;
#[cfg(test)]
mod simulation;
