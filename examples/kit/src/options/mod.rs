//! The options of an example: from the page's URL on the web, from the command line natively.

#[cfg(not(target_arch = "wasm32"))]
mod arguments;
mod page;

use std::time::Duration;

use bevy::prelude::*;
use bevy_huddle::{IceServer, LinkConditioner, LinkConditionerError, RoomOptions, RoomSecret};
#[cfg(not(target_arch = "wasm32"))]
use url::ParseError;
use url::{Host, Url};

/// The options of an example.
#[derive(Resource, Debug, Clone, PartialEq)]
pub struct Options {
    /// The name of the example, and the default name of its room.
    pub example: &'static str,
    /// The room's address.
    pub room_url: String,
    /// STUN and TURN servers.
    pub ice_servers: Vec<IceServer>,
    /// Whether to hide this player's address from the other players.
    pub relay_only: bool,
    /// The secret of a private room.
    pub secret: Option<RoomSecret>,
    /// Where the player's identity is stored, or `None` if it is not stored.
    pub identity: Option<String>,
    /// Simulated latency, jitter and loss.
    pub conditioner: Option<LinkConditioner>,
    /// The address of the page on which a friend can join.
    pub link: String,
    /// The seed of a bot that plays instead of the player.
    pub bot: Option<u64>,
    /// The time from the start of the program until the bot stops.
    pub rest_after: Option<Duration>,
    /// The output of the program.
    pub display: Display,
    /// Messages for the player about invalid options.
    pub errors: Vec<String>,
}

/// The output of a program.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Display {
    /// A window or canvas.
    Window,
    /// A canvas whose camera is off. Everything else runs at full rate.
    Off,
    /// No window and no renderer at all.
    Headless,
}

impl Options {
    /// Returns the options for `commands.join_room(..)`.
    pub fn room(&self) -> RoomOptions {
        let room = RoomOptions::new(&self.room_url);
        let room = self
            .ice_servers
            .iter()
            .cloned()
            .fold(room, RoomOptions::ice_server);
        let room = match &self.secret {
            Some(secret) => room.secret(secret.clone()),
            None => room,
        };
        let room = match &self.identity {
            Some(slot) => room.keep_identity(slot),
            None => room,
        };
        let room = match self.conditioner {
            Some(conditioner) => room.conditioner(conditioner),
            None => room,
        };
        if self.relay_only {
            room.relay_only()
        } else {
            room
        }
    }

    /// Returns whether only this machine can open the link.
    pub fn link_is_local(&self) -> bool {
        match Url::parse(&self.link).ok().as_ref().and_then(Url::host) {
            Some(Host::Domain(name)) => name == "localhost",
            Some(Host::Ipv4(address)) => address.is_loopback(),
            Some(Host::Ipv6(address)) => address.is_loopback(),
            None => false,
        }
    }

    /// Returns the room's name, in characters of the default font.
    pub fn room_name(&self) -> String {
        let path = Url::parse(&self.room_url).map(|url| url.path().to_owned());
        let name = path.as_deref().unwrap_or(&self.room_url).trim_matches('/');
        printable(name)
    }
}

/// A run condition: whether a bot plays now, instead of the player.
pub fn bot_plays(options: Res<Options>, time: Res<Time<Real>>) -> bool {
    let is_over = |end| time.elapsed() >= end;
    options.bot.is_some() && !options.rest_after.is_some_and(is_over)
}

/// Replaces all characters that the default font does not contain: all but ASCII.
pub fn printable(text: &str) -> String {
    let ascii = |c: char| {
        if c == '\n' || (' '..='~').contains(&c) {
            c
        } else {
            '?'
        }
    };
    text.chars().map(ascii).collect()
}

/// Parses the simulated conditions. Returns `None` if there are none.
fn conditioner(
    conditions: [(&str, Option<String>); 3],
) -> Result<Option<LinkConditioner>, LinkConditionerError> {
    let given = conditions.into_iter();
    let query: Vec<_> = given
        .filter_map(|(name, value)| Some(format!("{name}={}", value?.trim())))
        .collect();
    LinkConditioner::from_query(&query.join("&"))
}

/// Returns the address of a room. `room` is a name or a complete address. Joining the room
/// validates it.
fn room_url(server: &str, room: &str) -> String {
    if room.contains("://") {
        room.to_owned()
    } else {
        format!("{}/{room}", server.trim_end_matches('/'))
    }
}

/// Returns the example's page for this room on a signaling server that also serves pages, as `cargo
/// play` does.
#[cfg(not(target_arch = "wasm32"))]
fn page_of_room(
    example: &str,
    room_url: &str,
    secret: Option<&RoomSecret>,
) -> Result<String, ParseError> {
    let mut page = Url::parse(&room_url.replacen("ws", "http", 1))?;
    let room = page.path().trim_matches('/').to_owned();
    page.set_path(&format!("/{example}/"));
    page.set_query(None);
    page.query_pairs_mut().append_pair("room", &room);
    let fragment = secret.map(|secret| format!("secret={secret}"));
    page.set_fragment(fragment.as_deref());
    Ok(page.into())
}
