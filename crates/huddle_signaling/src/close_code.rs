//! Why the server closed a WebSocket, as close codes a browser can read.
//!
//! A browser never sees the status of a failed upgrade. So when a client connects with
//! `?huddle=1`, the server accepts the upgrade and says no with one of the `44xx` codes and a
//! reason in plain words. Other clients get the same refusal as HTTP 400, 404 or 503.

/// The server is shutting down. Connect again in a moment.
pub const GOING_AWAY: u16 = 1001;

/// The client broke a rule: too many invalid messages, or it does not read what it is sent.
/// Connecting again the same way will end the same way.
pub const POLICY_VIOLATION: u16 = 1008;

/// A message was larger than [`Config::max_message_bytes`](crate::config::Config::max_message_bytes).
pub const MESSAGE_TOO_BIG: u16 = 1009;

/// The request cannot be served as it is, such as `?next=0` (HTTP 400). Do not try again.
pub const BAD_REQUEST: u16 = 4400;

/// There is no such place, such as a path of two segments (HTTP 404). Do not try again.
pub const NOT_FOUND: u16 = 4404;

/// The client waited in a `?next=N` queue, and its game did not answer for
/// [`Config::queue_silence_timeout`](crate::config::Config::queue_silence_timeout): it was frozen, or its
/// machine slept. Connect again.
pub const STOPPED: u16 = 4408;

/// The room or the server is full (HTTP 503). Try again later, or another room.
pub const FULL: u16 = 4429;
