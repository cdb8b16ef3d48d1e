//! A seat's inputs on their way to one peer: [`OutStream`] at the one end, [`InStream`] at the
//! other.
//!
//! Both ends agree at which tick the stream starts. What the receiver has is known from acks of
//! packets: it has all ticks before the *base*. A packet carries ticks from the base on, coded with
//! the model that comes of all ticks before the base, and no other.
//!
//! Packets overtake each other, so the receiver may have gone on to a later base when one with an
//! earlier base comes. Then its model cannot read that packet, which is left out. That must not
//! count as received if it carried more than the one that overtook it, see [`OutStream::acked`].

mod incoming;
mod outgoing;
mod shared;
#[cfg(test)]
mod tests;
mod trained;

pub use self::incoming::StreamError;
pub(crate) use self::{
    incoming::InStream,
    outgoing::{Carried, OutStream},
    trained::Scratch,
};
