use std::{
    net::{Ipv4Addr, SocketAddr},
    path::PathBuf,
    time::Duration,
};

use crate::error::ServerError;

/// What a [`Server`](crate::Server) listens on, serves and allows.
///
/// ```
/// use huddle_signaling::Config;
///
/// let config = Config {
///     bind: ([127, 0, 0, 1], 0).into(),
///     max_clients: 100,
///     ..Config::default()
/// };
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Config {
    /// Address and port to listen on; port 0 takes any free one. Default `0.0.0.0:3536`.
    pub bind: SocketAddr,
    /// Folder whose files are served to plain HTTP requests, such as a web build of the game.
    /// Default none.
    pub serve: Option<PathBuf>,
    /// Clients connected at once, in all rooms together. Default 10 000.
    pub max_clients: usize,
    /// Members of one room, and the largest `?next=N`; at least 1. Default 64.
    pub max_room_members: usize,
    /// Largest message a client may send, in bytes; at least 1024. Default 64 KiB.
    pub max_message_bytes: usize,
    /// How much may wait for a client that reads slowly, in bytes; at least twice
    /// [`max_message_bytes`](Self::max_message_bytes). A client that falls further behind is
    /// disconnected. Default 4 MiB.
    pub max_queue_bytes: usize,
    /// How many messages that are no valid request a client may send before it is
    /// disconnected. Default 16.
    pub max_invalid_messages: u32,
    /// Messages a client may send per second in the long run; each KiB of size counts as one
    /// message more. A client that sends faster is read slower. At least 1. Default 200.
    pub messages_per_second: u32,
    /// Messages a client may send at once before
    /// [`messages_per_second`](Self::messages_per_second) holds it back. The default, 2048, lets
    /// the 64th member of a room make its handshakes with all others at full speed.
    pub message_burst: u32,
    /// A client that was silent for this long is pinged. Default 15 s.
    pub ping_interval: Duration,
    /// A client that was silent for this long, pings unanswered, is gone. Longer than
    /// [`ping_interval`](Self::ping_interval). Default 40 s.
    pub silence_timeout: Duration,
    /// How often a client that waits in a `?next=N` queue is asked for its links. Only clients
    /// that ask for extensions are. Default 2 s.
    pub queue_ping_interval: Duration,
    /// A client that does not answer this for that long has stopped, and is disconnected. Longer
    /// than [`queue_ping_interval`](Self::queue_ping_interval). Default 5 s.
    pub queue_silence_timeout: Duration,
    /// The members of a full `?next=N` group that has not linked after this may be put into
    /// another group. Default 10 s.
    pub link_timeout: Duration,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            bind: (Ipv4Addr::UNSPECIFIED, 3536).into(),
            serve: None,
            max_clients: 10_000,
            max_room_members: 64,
            max_message_bytes: 64 * 1024,
            max_queue_bytes: 4 * 1024 * 1024,
            max_invalid_messages: 16,
            messages_per_second: 200,
            message_burst: 2048,
            ping_interval: Duration::from_secs(15),
            silence_timeout: Duration::from_secs(40),
            queue_ping_interval: Duration::from_secs(2),
            queue_silence_timeout: Duration::from_secs(5),
            link_timeout: Duration::from_secs(10),
        }
    }
}

impl Config {
    pub(crate) fn check(&self) -> Result<(), ServerError> {
        let rules = [
            (
                self.max_room_members >= 1,
                "max_room_members must be at least 1",
            ),
            (
                self.max_message_bytes >= 1024,
                "max_message_bytes must be at least 1024, or no offer fits",
            ),
            (
                self.max_queue_bytes / 2 >= self.max_message_bytes,
                "max_queue_bytes must be at least twice max_message_bytes",
            ),
            (
                self.messages_per_second >= 1,
                "messages_per_second must be at least 1",
            ),
            (
                !self.ping_interval.is_zero(),
                "ping_interval must be longer than nothing",
            ),
            (
                self.silence_timeout > self.ping_interval,
                "silence_timeout must be longer than ping_interval",
            ),
            (
                !self.queue_ping_interval.is_zero(),
                "queue_ping_interval must be longer than nothing",
            ),
            (
                self.queue_silence_timeout > self.queue_ping_interval,
                "queue_silence_timeout must be longer than queue_ping_interval",
            ),
            (
                !self.link_timeout.is_zero(),
                "link_timeout must be longer than nothing",
            ),
        ];
        match rules.into_iter().find(|(holds, _)| !holds) {
            Some((_, rule)) => Err(ServerError::Config(rule)),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_default_is_valid() {
        assert!(Config::default().check().is_ok());
    }

    #[test]
    fn a_queue_that_cannot_hold_a_message_is_refused() {
        let config = Config {
            max_queue_bytes: 64 * 1024,
            ..Config::default()
        };
        let error = config.check().unwrap_err().to_string();
        assert!(error.contains("max_queue_bytes"), "{error}");
    }

    #[test]
    fn a_timeout_that_leaves_no_time_to_answer_a_ping_is_refused() {
        let config = Config {
            silence_timeout: Duration::from_secs(15),
            ..Config::default()
        };
        let error = config.check().unwrap_err().to_string();
        assert!(error.contains("silence_timeout"), "{error}");
    }
}
