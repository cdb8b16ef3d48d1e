//! The reasons why a list of rooms cannot be loaded.

use std::time::Duration;

use huddle_mesh::ServerUrlError;
use thiserror::Error;

/// The time within which the server must answer.
pub(super) const TIMEOUT: Duration = Duration::from_secs(10);

/// The reason why the list of rooms cannot be loaded.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum RoomListError {
    /// The URL is not that of a signaling server.
    #[error(transparent)]
    Url(#[from] ServerUrlError),
    /// The server cannot be reached.
    #[error(
        "the list of rooms at {url} cannot be loaded ({reason}); is the signaling server running, and is the address right?"
    )]
    Unreachable {
        /// The address of the list.
        url: String,
        /// The message of the browser or the platform.
        reason: String,
    },
    /// The server does not answer.
    #[error(
        "the list of rooms at {url} was not loaded within {} s; try again later",
        TIMEOUT.as_secs()
    )]
    Timeout {
        /// The address of the list.
        url: String,
    },
    /// The server answered with an error.
    #[error(
        "the server has no list of rooms at {url} for this game now (HTTP status {status}: {reason}); only huddle-signaling has one"
    )]
    Refused {
        /// The address of the list.
        url: String,
        /// The HTTP status.
        status: u16,
        /// The beginning of the server's text.
        reason: String,
    },
    /// The answer is not a list of rooms.
    #[error(
        "the program at {url} has sent something else than a list of rooms; is it huddle-signaling?"
    )]
    NotAList {
        /// The address of the list.
        url: String,
    },
    /// Too many requests have not ended yet.
    #[error("{0} requests for lists of rooms are still running: wait for their results")]
    TooManyRequests(usize),
}
