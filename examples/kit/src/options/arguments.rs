//! The options from the command line.

use std::time::Duration;

use clap::{CommandFactory, Parser, error::ErrorKind};

use bevy_huddle::{IceServer, RoomSecret};

use super::{Display, Options, conditioner, page_of_room, room_url};

/// A bevy_huddle example.
#[derive(Parser, Debug)]
#[command(version)]
struct Arguments {
    /// The name of a room, or a complete address such as ws://host:3536/my-room [default: the example's name]
    #[arg(long, value_name = "NAME_OR_URL")]
    room: Option<String>,
    /// The signaling server
    #[arg(long, value_name = "URL", default_value = "ws://127.0.0.1:3536")]
    server: String,
    /// A STUN or TURN server, such as stun:host:3478 or user:secret@turn:host:3478; can be repeated
    #[arg(long, value_name = "SERVER")]
    ice: Vec<String>,
    /// Hide this machine's address from other players; needs a TURN server
    #[arg(long)]
    relay: bool,
    /// The secret of a private room, from its link, after `#secret=`
    #[arg(long, value_name = "DIGITS")]
    secret: Option<RoomSecret>,
    /// Keep this player's identity in a file, which is created if it does not exist
    #[arg(long, value_name = "FILE")]
    identity: Option<String>,
    /// Delay received packets by this many milliseconds
    #[arg(long, value_name = "MS")]
    lag: Option<String>,
    /// Delay each received packet by up to this many more milliseconds
    #[arg(long, value_name = "MS")]
    jitter: Option<String>,
    /// Drop this percentage of the received packets
    #[arg(long, value_name = "PERCENT")]
    loss: Option<String>,
    /// Let a bot play; the same seed plays the same way
    #[arg(long, value_name = "SEED")]
    bot: Option<u64>,
    /// Stop the bot after this many seconds
    #[arg(long, value_name = "SECONDS")]
    rest_after: Option<u64>,
    /// Run without a window or a renderer
    #[arg(long)]
    headless: bool,
}

impl Options {
    /// Reads the options of this process. Prints help or an error and exits if necessary.
    pub fn read(example: &'static str) -> Self {
        let options = Arguments::parse().into_options(example);
        options.unwrap_or_else(|error| error.exit())
    }
}

impl Arguments {
    fn into_options(self, example: &'static str) -> Result<Options, clap::Error> {
        let conditions = [
            ("lag", self.lag),
            ("jitter", self.jitter),
            ("loss", self.loss),
        ];
        let conditioner = conditioner(conditions)
            .map_err(|error| Self::command().error(ErrorKind::ValueValidation, error))?;
        let room_url = room_url(&self.server, self.room.as_deref().unwrap_or(example));
        Ok(Options {
            example,
            // An invalid address has no page. Joining it reports the error.
            link: page_of_room(example, &room_url, self.secret.as_ref()).unwrap_or_default(),
            room_url,
            ice_servers: self
                .ice
                .iter()
                .map(|text| IceServer::from(text.as_str()))
                .collect(),
            relay_only: self.relay,
            secret: self.secret,
            identity: self.identity,
            conditioner,
            bot: self.bot,
            rest_after: self.rest_after.map(Duration::from_secs),
            display: if self.headless {
                Display::Headless
            } else {
                Display::Window
            },
            errors: Vec::new(),
        })
    }
}

#[cfg(test)]
mod tests {
    use bevy_huddle::LinkConditioner;

    use super::*;

    fn options(arguments: &[&str]) -> Options {
        let all = ["hello"].iter().chain(arguments);
        Arguments::try_parse_from(all)
            .unwrap()
            .into_options("hello")
            .unwrap()
    }

    #[test]
    fn room_is_a_name_or_a_complete_address() {
        assert_eq!(options(&[]).room_url, "ws://127.0.0.1:3536/hello");
        let remote = options(&["--server", "wss://play.example/", "--room", "den"]);
        assert_eq!(remote.room_url, "wss://play.example/den");
        assert_eq!(remote.link, "https://play.example/hello/?room=den");
        let whole = options(&["--room", "ws://10.0.0.2:9000/den?next=2"]);
        assert_eq!(whole.room_url, "ws://10.0.0.2:9000/den?next=2");
        assert_eq!(whole.link, "http://10.0.0.2:9000/hello/?room=den");
    }

    #[test]
    fn secret_is_in_the_link() {
        let secret = RoomSecret::random();
        let private = options(&["--room", "den", "--secret", &secret.to_string()]);
        let link = format!("http://127.0.0.1:3536/hello/?room=den#secret={secret}");
        assert_eq!((private.secret, private.link), (Some(secret), link));
        assert!(Arguments::try_parse_from(["hello", "--secret", "password"]).is_err());
    }

    #[test]
    fn bot_runs_without_a_window() {
        let bot = options(&["--bot", "7", "--headless"]);
        assert_eq!((bot.bot, bot.display), (Some(7), Display::Headless));
        assert!(Arguments::try_parse_from(["hello", "--bot", "seven"]).is_err());
    }

    #[test]
    fn network_conditions_are_arguments() {
        assert_eq!(options(&[]).conditioner, None);
        let slow = options(&["--lag", "80", "--jitter", "20", "--loss", "5"]);
        let expected = LinkConditioner::from_query("lag=80&jitter=20&loss=5");
        assert_eq!(Ok(slow.conditioner), expected);
        assert_eq!(slow.room_url, options(&[]).room_url);

        let wrong = Arguments::try_parse_from(["hello", "--lag", "80ms"]).unwrap();
        let error = wrong.into_options("hello").unwrap_err().to_string();
        assert!(error.contains("lag=80ms is not a number"), "{error}");
    }
}
