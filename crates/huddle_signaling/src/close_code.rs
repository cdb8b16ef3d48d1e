//! The codes with which the server closes a WebSocket.
//!
//! A browser does not show a page the HTTP status of a failed upgrade. If a client connects with
//! `?huddle=1`, the server therefore accepts the upgrade and then refuses the client with one of
//! the `44xx` codes and a reason. Other clients receive the same refusal as HTTP 400, 401, 403,
//! 404, 429 or 503.

/// A new connection of the client has replaced this one: it took the client's place again with its
/// resume secret.
pub const NORMAL: u16 = 1000;

/// The server is shutting down. Connect again in a moment.
pub const GOING_AWAY: u16 = 1001;

/// The client violated a limit: it sent too many invalid messages, or does not read its messages.
/// A new connection with the same behavior ends in the same way.
pub const POLICY_VIOLATION: u16 = 1008;

/// A message was longer than
/// [`Config::max_message_bytes`](crate::config::Config::max_message_bytes).
pub const MESSAGE_TOO_BIG: u16 = 1009;

/// The request is invalid, for example `?next=0` (HTTP 400). Do not try again.
pub const BAD_REQUEST: u16 = 4400;

/// The server is restarting, or moves its clients to another server. Connect again.
pub const SERVICE_RESTART: u16 = 1012;

/// The client needs a new token: it has none, or it has expired (HTTP 401). Request one from the
/// game's own server, then connect again.
pub const TOKEN_NEEDED: u16 = 4401;

/// The client may not join: its token is forged or for another room, or the server does not accept
/// its page (HTTP 403). Do not try again.
pub const FORBIDDEN: u16 = 4403;

/// The address does not exist: its path has more than two segments, or the server does not accept
/// this game (HTTP 404). Do not try again.
pub const NOT_FOUND: u16 = 4404;

/// The client waited in a `?next=N` queue, and its game did not answer for
/// [`Config::queue_silence_timeout`](crate::config::Config::queue_silence_timeout). The game was
/// frozen, or its machine slept. Connect again.
pub const STOPPED: u16 = 4408;

/// The room or the server is full, or the room is closed (HTTP 503), too many clients with the same
/// address are connected or join at once (HTTP 429), or another client uses the token (HTTP 409).
/// Try again later, or use another room.
pub const FULL: u16 = 4429;
