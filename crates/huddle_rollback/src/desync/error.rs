use huddle_session::codec::DecodeError;
use thiserror::Error;

/// Why bytes from another player are no proper question or answer.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum InquiryError {
    /// They are no message.
    #[error(transparent)]
    Malformed(#[from] DecodeError),
    /// It asks or tells more than is allowed.
    #[error("the message about a difference is longer than any may be")]
    TooMuch,
    /// It asks again before it was answered.
    #[error("the peer asks the next question before it got the answer to the last")]
    Impatient,
}
