//! What a receiver asks of a peer: the streams it wants.

use serde::{Deserialize, Serialize};

use crate::seat::Seat;

/// The longest wish for inputs, encoded.
pub(super) const MAX_WISH_LEN: usize = 256;

/// Streams that a receiver wants, and the ticks from which on. Everything before is its affair.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Wish {
    pub(super) number: u8,
    pub(super) seats: Vec<(Seat, u32)>,
}

/// Why a wish cannot be met.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum WishError {
    /// There is no such seat.
    #[error("it asks for seat {0}, which there is not")]
    NoSeat(Seat),
    /// A seat is asked for twice.
    #[error("it asks for seat {0} twice")]
    Twice(Seat),
}
