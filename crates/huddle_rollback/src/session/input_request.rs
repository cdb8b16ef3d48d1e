//! A receiver's request for the inputs of seats.

use serde::{Deserialize, Serialize};

use crate::seat::Seat;

/// The maximum length of an encoded request, in bytes.
pub(super) const MAX_INPUT_REQUEST_LEN: usize = 256;

/// A request for the inputs of seats, each from a tick on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct InputRequest {
    pub(super) number: u8,
    pub(super) seats: Vec<(Seat, u32)>,
}

/// Errors in an input request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum InputRequestError {
    /// The seat does not exist.
    #[error("it names seat {0}, which does not exist")]
    NoSeat(Seat),
    /// A seat occurs twice.
    #[error("it names seat {0} twice")]
    Twice(Seat),
}
