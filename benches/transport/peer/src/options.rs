use std::{process::Command, time::Duration};

use clap::{Parser, ValueEnum};

use crate::transport::Channel;

/// What a peer does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Role {
    /// Exchanges echo messages with every other peer
    Mesh,
    /// Sends a message to each peer that joins
    Member,
    /// Measures the time from joining to the first message
    Joiner,
    /// Sends as much as the receiver takes
    Sender,
    /// Measures how much arrives
    Receiver,
}

/// The options of a peer.
#[derive(Debug, Clone, Parser)]
pub struct Options {
    /// URL of the room
    #[arg(long)]
    pub room: String,
    /// What this peer does
    #[arg(long)]
    pub role: Role,
    /// Number of peers in the room, including this one
    #[arg(long, default_value_t = 2)]
    pub peers: usize,
    /// Length of a message in bytes
    #[arg(long, default_value_t = 32)]
    pub payload: usize,
    /// Channel of the echo messages
    #[arg(long, default_value = "unreliable")]
    pub channel: Channel,
    /// Interval in microseconds at which the peer reads and answers messages
    #[arg(long, default_value_t = 1000)]
    pub poll_us: u64,
    /// Delay of this peer's messages in microseconds, so that not all peers send at the same time
    #[arg(long, default_value_t = 0)]
    pub phase_us: u64,
    /// Length of the measurement in seconds
    #[arg(long, default_value_t = 10.0)]
    pub seconds: f64,
}

impl Options {
    /// Adds these options to a command line.
    pub fn add_to(&self, command: &mut Command) {
        let name = |value: &dyn Fn() -> Option<clap::builder::PossibleValue>| {
            value().map_or_else(String::new, |value| value.get_name().to_owned())
        };
        command.args(["--room", &self.room]);
        command.args(["--role", &name(&|| self.role.to_possible_value())]);
        command.args(["--channel", &name(&|| self.channel.to_possible_value())]);
        command.args(["--peers", &self.peers.to_string()]);
        command.args(["--payload", &self.payload.to_string()]);
        command.args(["--poll-us", &self.poll_us.to_string()]);
        command.args(["--phase-us", &self.phase_us.to_string()]);
        command.args(["--seconds", &self.seconds.to_string()]);
    }

    pub(crate) fn poll_interval(&self) -> Duration {
        Duration::from_micros(self.poll_us)
    }

    pub(crate) fn phase(&self) -> Duration {
        Duration::from_micros(self.phase_us)
    }

    pub(crate) fn window(&self) -> Duration {
        Duration::from_secs_f64(self.seconds)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn command_line_contains_all_options() {
        let options = Options {
            room: "ws://host/room".into(),
            role: Role::Receiver,
            peers: 3,
            payload: 77,
            channel: Channel::Bulk,
            poll_us: 5,
            phase_us: 6,
            seconds: 1.5,
        };
        let mut command = Command::new("peer");
        options.add_to(&mut command);
        let arguments = command.get_args().map(|argument| argument.to_owned());
        let parsed = Options::parse_from(
            [command.get_program().to_owned()]
                .into_iter()
                .chain(arguments),
        );
        assert_eq!(format!("{parsed:?}"), format!("{options:?}"));
    }
}
