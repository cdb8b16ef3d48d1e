//! Replicated state in a mesh of peers, as pure state machines: values, time and bytes in, bytes,
//! values and events out.
//!
//! The crate does no I/O, starts no threads, reads no clock and does not depend on a game engine.

pub mod column;
pub mod entropy;
