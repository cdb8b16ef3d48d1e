//! The limits of inputs and of packets with inputs.

/// The maximum length of the encoded input of a tick, in bytes.
pub const MAX_INPUT_LEN: usize = 512;

/// The maximum number of ticks of a seat in a packet.
pub const MAX_UNACKED: u32 = 128;
