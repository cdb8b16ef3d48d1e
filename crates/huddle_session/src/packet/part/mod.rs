//! Sections that are too large for one packet. They are split into blocks, and each packet carries
//! some of them.
//!
//! A section with id 3 contains a part of a large section:
//!
//! | field | bytes |
//! |---|---|
//! | id of the large section | varint |
//! | number of the message among those with this id (modulo 65536) | 2, little-endian |
//! | length of the whole, from 1 to [`MAX_STATE_LEN`](crate::limits::MAX_STATE_LEN) | varint |
//! | first block | 1 |
//! | that block and the following ones; each has 256 bytes, except the last of the section | the rest |

mod blocks;
mod error;
mod receiver;
mod sender;
#[cfg(test)]
mod tests;

pub use self::error::PartError;
pub(crate) use self::{
    blocks::{BLOCK, Blocks},
    receiver::PartReceiver,
    sender::PartSender,
};
