use huddle_session::codec::{DecodeError, EncodeError};

use crate::{
    desync::StateDumpError,
    inputs::{InputTooLong, MAX_INPUT_LEN, SectionError, StreamError},
    membership::{agreement::AgreementError, start::StartMessageError},
    seat::Seat,
};

use super::input_request::InputRequestError;

/// Errors in data from another player.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum ReceiveError {
    /// The section of a packet is invalid.
    #[error("invalid inputs in a packet: {0}")]
    Section(#[from] SectionError),
    /// The inputs of a seat are invalid.
    #[error("invalid inputs of a seat: {0}")]
    Stream(#[from] StreamError),
    /// The message has no topic, or an unknown one.
    #[error("a rollback message has an unknown topic")]
    Topic,
    /// The message about the start of the match is invalid.
    #[error("invalid message about the start of the match: {0}")]
    Start(#[from] StartMessageError),
    /// The message about the members of the match is invalid. Its sender is dishonest, except in the
    /// case of [`OtherInputs`](AgreementError::OtherInputs).
    #[error("invalid message about the members of the match: {0}")]
    Agreement(#[from] AgreementError),
    /// The input request is invalid.
    #[error("invalid input request: {0}")]
    InputRequest(#[from] InputRequestError),
    /// The input request cannot be decoded.
    #[error("cannot decode an input request: {0}")]
    InputRequestBytes(#[from] DecodeError),
    /// The dump of the player's state is invalid.
    #[error("invalid dump of a state: {0}")]
    StateDump(#[from] StateDumpError),
}

/// Errors in the input of a local seat.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum InputError {
    /// The input cannot be encoded.
    #[error("cannot encode the input of seat {seat}: {error}")]
    Encode {
        /// The seat.
        seat: Seat,
        /// The reason.
        error: EncodeError,
    },
    /// The encoded input is too long.
    #[error("cannot send the input of seat {seat}: {error}")]
    TooLong {
        /// The seat.
        seat: Seat,
        /// The error, with the length of the input.
        error: InputTooLong,
    },
}

impl InputError {
    pub(super) fn encode(seat: Seat, error: EncodeError) -> Self {
        match error {
            EncodeError::TooLong {
                len,
                max: MAX_INPUT_LEN,
            } => Self::too_long(seat, InputTooLong(len)),
            error => Self::Encode { seat, error },
        }
    }

    pub(super) fn too_long(seat: Seat, error: InputTooLong) -> Self {
        Self::TooLong { seat, error }
    }
}
