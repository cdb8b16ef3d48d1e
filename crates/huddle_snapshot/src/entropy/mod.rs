//! Entropy coding: integers as a number of bits that depends on how likely they are.
//!
//! An [`Encoder`] and a [`Decoder`] agree on the probability of every bit. The probabilities come
//! from models, which adapt to the bits that they encode or decode:
//!
//! - [`BitModel`]: one bit.
//! - [`NumberModel`]: a signed number that is usually close to 0.
//!
//! Models are plain values. A packet whose models start as a copy of those at the end of another
//! packet can be decoded by every peer that has decoded that other packet.
//!
//! # Packets that are full
//! [`Encoder::len`] is the length of the packet if it ended now. A caller that does not know
//! whether a record still fits takes a [`Checkpoint`] and a copy of the models that the record
//! uses, encodes the record, and restores both if the packet became too long. This is necessary
//! only near the end of a packet.

mod bit;
mod decoder;
mod encoder;
mod limits;
mod logistic;
mod mixer;
mod number;
#[cfg(test)]
mod tests;

pub use self::{
    bit::BitModel,
    decoder::Decoder,
    encoder::{Checkpoint, Encoder},
    number::{NumberContext, NumberModel},
};
