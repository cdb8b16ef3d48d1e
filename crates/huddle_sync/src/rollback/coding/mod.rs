//! Inputs as bytes, and those bytes on the wire: each packet carries all ticks of a seat that the
//! receiver is not known to have, coded by a model that both ends train on those it has.

mod encoded;
mod model;
mod oversize;
mod probability;
mod range_coder;
mod stream;

/// The longest encoded input of a tick, in bytes.
pub const MAX_INPUT_LEN: usize = 4096;

/// The most ticks of a seat that are sent before the receiver has them.
pub const MAX_UNACKED: u32 = 128;

pub use self::{encoded::InputTooLong, stream::StreamError};

#[cfg(test)]
mod measure;
