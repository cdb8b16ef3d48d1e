//! Rules that turn values into small integers, *quanta*, and back.
//!
//! A rule states the range and the resolution of a value. Peers send quanta only. Every rule keeps
//! two promises:
//!
//! - **Stable**: `quantise(dequantise(q)) == q` exactly, for every quantum `q` that `quantise`
//!   returns. A peer that takes over an entity and leaves its value alone therefore has nothing to
//!   send.
//! - **Identical everywhere**: quantisation uses only operations that IEEE 754 defines to the last
//!   bit, so that every platform computes the same quanta and values.
//!
//! A rule's [`Display`](std::fmt::Display) text is its schema, such as
//! `scalar -640.0..=640.0 step 0.05`. Two rules encode alike if and only if their texts are equal.
//! Peers compare the texts in the handshake, and an error message can name both.
//!
//! ```
//! use huddle_snapshot::quantise::{Vector, within};
//!
//! let place = Vector::uniform(within(640.0).step(0.05))?;
//! let quanta = place.quantise([1.02, -700.0]);
//! assert_eq!(quanta, [20, -12800]);
//! assert_eq!(place.dequantise(quanta), [1.0, -640.0]);
//! assert_eq!(place.to_string(), "vec2 -640.0..=640.0 step 0.05");
//! # Ok::<(), huddle_snapshot::quantise::RangeError>(())
//! ```

mod flags;
mod range;
mod rotation;
mod scalar;
mod vector;

pub use self::{
    flags::Flags,
    range::{Range, RangeError, SteppedRange, between, within},
    rotation::{Rotation, RotationError, RotationQuanta},
    scalar::Scalar,
    vector::Vector,
};
