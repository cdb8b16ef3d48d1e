use huddle_session::codec::{DecodeError, EncodeError};

use crate::{
    desync::StateDumpError,
    inputs::{InputTooLong, MAX_INPUT_LEN, SectionError, StreamError},
    membership::{agreement::AgreementError, start::StartMessageError},
    seat::Seat,
};

use super::input_request::InputRequestError;

/// What is wrong with something that another player sent.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum ReceiveError {
    /// A packet's section.
    #[error("a packet's inputs make no sense: {0}")]
    Section(#[from] SectionError),
    /// A seat's inputs.
    #[error("a seat's inputs make no sense: {0}")]
    Stream(#[from] StreamError),
    /// A message without a topic that there is.
    #[error("a message about rollback is about nothing that there is")]
    Topic,
    /// A message on the game's start.
    #[error("a message on the game's start makes no sense: {0}")]
    Start(#[from] StartMessageError),
    /// A message on who plays. Its sender is to blame, except for
    /// [`OtherInputs`](AgreementError::OtherInputs).
    #[error("a message on who plays makes no sense: {0}")]
    Agreement(#[from] AgreementError),
    /// An input request is invalid.
    #[error("an input request is invalid: {0}")]
    InputRequest(#[from] InputRequestError),
    /// An input request cannot be decoded.
    #[error("an input request cannot be decoded: {0}")]
    InputRequestBytes(#[from] DecodeError),
    /// A dump of the peer's state.
    #[error("invalid dump of a state: {0}")]
    StateDump(#[from] StateDumpError),
}

/// A problem with an input of the local player.
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
        /// The length of the input.
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
