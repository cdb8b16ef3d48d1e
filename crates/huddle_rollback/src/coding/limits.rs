//! The limits of coded inputs.

/// The longest encoded input of a tick, in bytes.
pub const MAX_INPUT_LEN: usize = 4096;

/// The most ticks of a seat that are sent before the receiver has them.
pub const MAX_UNACKED: u32 = 128;
