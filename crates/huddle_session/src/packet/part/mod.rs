//! Sections too large for one packet, cut into blocks of which each packet carries some.
//!
//! A section of id 3 holds part of one:
//!
//! | field | bytes |
//! |---|---|
//! | id of the large section | varint |
//! | number of the message, which of those with this id it is (modulo 65536) | 2, little-endian |
//! | length of the whole, from 1 to [`MAX_STATE_LEN`](crate::limits::MAX_STATE_LEN) | varint |
//! | first block | 1 |
//! | that block and those after it; all are 256 bytes, but for the last of the whole | the rest |

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
