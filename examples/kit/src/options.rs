//! The options of an example: from the page's URL on the web, from the command line natively.

use bevy::prelude::Resource;
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

    /// Reads the page's URL:
    /// `?room=NAME&bot=SEED&render=off&signal=ws://HOST:PORT&ice=SERVERS&relay=on&lag=MS&jitter=MS&loss=PERCENT&identity=NAME#secret=DIGITS`.
    ///
    /// `ice` lists servers like `stun:HOST:PORT,USER:SECRET@turn:HOST:PORT`.
    ///
    /// `page` is the page's URL, and `parameter` returns the value of a parameter. The signaling
    /// server is the server of the page, unless `signal` names another.
    pub fn from_page(
        example: &'static str,
        page: &Url,
        parameter: impl Fn(&str) -> Option<String>,
    ) -> Self {
        let mut errors = Vec::new();
        let given = |name: &str| parameter(name).filter(|value| !value.trim().is_empty());

        let signal = given("signal");
        let server = signal.clone().unwrap_or_else(|| socket_origin(page));
        let room = given("room");
        let bot = given("bot").and_then(|seed| {
            let number = seed.parse().ok();
            if number.is_none() {
                errors.push(format!(
                    "bot={seed} is not a whole number: use a seed such as bot=7"
                ));
            }
            number
        });
        let display = match given("render").as_deref() {
            None | Some("on") => Display::Window,
            Some("off") => Display::Off,
            Some(other) => {
                errors.push(format!("render={other} is invalid: use on or off"));
                Display::Window
            }
        };

        let ice = given("ice");
        let relay_only = match given("relay").as_deref() {
            None | Some("off") => false,
            Some("on") => true,
            Some(other) => {
                errors.push(format!("relay={other} is invalid: use on or off"));
                true
            }
        };

        let conditions = ["lag", "jitter", "loss"].map(|name| (name, given(name)));
        let conditioner = conditioner(conditions).unwrap_or_else(|error| {
            errors.push(error.to_string());
            None
        });

        let given_secret = page
            .fragment()
            .and_then(|fragment| fragment.strip_prefix("secret="));
        let secret = given_secret.and_then(|text| {
            let secret = text.parse::<RoomSecret>();
            if let Err(error) = &secret {
                errors.push(format!("{error}: ask your friend for the complete link"));
            }
            secret.ok()
        });

        let mut link = page.clone();
        link.set_query(None);
        link.set_fragment(
            secret
                .as_ref()
                .map(|secret| format!("secret={secret}"))
                .as_deref(),
        );
        for (name, value) in [("room", &room), ("signal", &signal), ("ice", &ice)] {
            if let Some(value) = value {
                link.query_pairs_mut().append_pair(name, value);
            }
        }

        Options {
            example,
            room_url: room_url(&server, room.as_deref().unwrap_or(example)),
            ice_servers: ice
                .iter()
                .flat_map(|list| list.split(','))
                .map(ice_server)
                .collect(),
            relay_only,
            secret,
            identity: given("identity"),
            conditioner,
            link: link.into(),
            bot,
            display,
            errors,
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

/// Returns `ws://host` for `http://host/any/page`, and `wss` for `https`.
fn socket_origin(page: &Url) -> String {
    let scheme = if page.scheme() == "https" {
        "wss"
    } else {
        "ws"
    };
    let host = page.host_str().unwrap_or_default();
    match page.port() {
        Some(port) => format!("{scheme}://{host}:{port}"),
        None => format!("{scheme}://{host}"),
    }
}

/// Parses `turn:host:3478` or `user:secret@turn:host:3478`. Joining the room validates the address.
fn ice_server(text: &str) -> IceServer {
    let text = text.trim();
    match text
        .split_once('@')
        .and_then(|(login, url)| Some((login.split_once(':')?, url)))
    {
        Some(((user, secret), url)) => IceServer::turn(url, user, secret),
        None => IceServer::stun(text),
    }
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

#[cfg(target_arch = "wasm32")]
impl Options {
    /// Reads the options of this page.
    pub fn read(example: &'static str) -> Self {
        let location = web_sys::window().map(|window| window.location());
        let text = |get: fn(&web_sys::Location) -> Result<String, wasm_bindgen::JsValue>| {
            location
                .as_ref()
                .and_then(|location| get(location).ok())
                .unwrap_or_default()
        };
        let query = web_sys::UrlSearchParams::new_with_str(&text(web_sys::Location::search)).ok();
        let parameter = |name: &str| query.as_ref().and_then(|query| query.get(name));
        match Url::parse(&text(web_sys::Location::href)) {
            Ok(page) => Self::from_page(example, &page, parameter),
            Err(error) => Options {
                example,
                room_url: String::new(),
                ice_servers: Vec::new(),
                relay_only: false,
                secret: None,
                identity: None,
                conditioner: None,
                link: String::new(),
                bot: None,
                display: Display::Window,
                errors: vec![format!(
                    "this page has no valid address ({error}): serve it over http"
                )],
            },
        }
    }
}

#[cfg(not(target_arch = "wasm32"))]
mod arguments {
    use clap::{CommandFactory, Parser, error::ErrorKind};

    use bevy_huddle::RoomSecret;

    use super::{Display, Options, conditioner, ice_server, page_of_room, room_url};

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
                ice_servers: self.ice.iter().map(|text| ice_server(text)).collect(),
                relay_only: self.relay,
                secret: self.secret,
                identity: self.identity,
                conditioner,
                bot: self.bot,
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
}

#[cfg(test)]
mod tests {
    use super::*;

    fn page(address: &str) -> Options {
        let address = Url::parse(address).unwrap();
        Options::from_page("hello", &address, |name| {
            address
                .query_pairs()
                .find(|(key, _)| key == name)
                .map(|(_, value)| value.into_owned())
        })
    }

    #[test]
    fn signaling_server_is_the_server_of_the_page() {
        assert_eq!(
            page("http://10.0.0.2:3536/").room_url,
            "ws://10.0.0.2:3536/hello"
        );
        assert_eq!(
            page("https://play.example/hello/").room_url,
            "wss://play.example/hello"
        );
        assert_eq!(
            page("http://[::1]:3536/?room=den").room_url,
            "ws://[::1]:3536/den"
        );
        let elsewhere = page("https://play.example/?signal=wss://other.example/&room=den");
        assert_eq!(elsewhere.room_url, "wss://other.example/den");
    }

    #[test]
    fn secret_in_the_address_is_kept_in_the_link() {
        let secret = RoomSecret::random();
        let address = format!("http://10.0.0.2:3536/?room=den#secret={secret}");
        let private = page(&address);
        assert_eq!((private.secret, private.link), (Some(secret), address));

        let damaged = page("http://10.0.0.2:3536/?room=den#secret=12");
        assert_eq!(damaged.secret, None);
        assert_eq!(damaged.errors.len(), 1, "{:?}", damaged.errors);
    }

    #[test]
    fn link_leads_to_the_same_room_without_the_bot() {
        let bot = page("http://10.0.0.2:3536/?room=den&bot=3&render=off#top");
        assert_eq!((bot.bot, bot.display), (Some(3), Display::Off));
        assert_eq!(bot.link, "http://10.0.0.2:3536/?room=den");
        assert_eq!(page(&bot.link).room_url, bot.room_url);
        let elsewhere = page("https://play.example/?signal=wss://other.example&room=my%20den");
        assert_eq!(page(&elsewhere.link).room_url, elsewhere.room_url);
    }

    #[test]
    fn link_to_localhost_is_local() {
        for local in [
            "http://localhost:3536/",
            "http://127.0.0.1/",
            "http://[::1]:80/",
        ] {
            assert!(page(local).link_is_local(), "{local}");
        }
        assert!(!page("http://10.0.0.2:3536/").link_is_local());
    }

    #[test]
    fn invalid_options_are_reported_and_the_others_apply() {
        let options = page("http://host/?room=den&bot=me&render=maybe");
        assert_eq!((options.bot, options.display), (None, Display::Window));
        assert_eq!(options.room_url, "ws://host/den");
        assert_eq!(options.errors.len(), 2);
        assert!(options.errors[0].contains("bot=me"));
        assert!(options.errors[1].contains("render=maybe"));
    }

    #[test]
    fn network_conditions_are_parameters_and_not_part_of_the_link() {
        let slow = page("http://host/?room=den&lag=80&jitter=%2020&loss=5");
        let expected = LinkConditioner::from_query("lag=80&jitter=20&loss=5");
        assert_eq!(Ok(slow.conditioner), expected);
        assert_eq!(slow.room_url, "ws://host/den");
        assert_eq!(slow.link, "http://host/?room=den");
        let room = RoomOptions::new("ws://host/den");
        assert_eq!(slow.room(), room.conditioner(slow.conditioner.unwrap()));

        let wrong = page("http://host/?lag=80&loss=150");
        assert_eq!(wrong.conditioner, None);
        assert_eq!(wrong.errors.len(), 1);
        assert!(wrong.errors[0].starts_with("loss=150 is out of range"));
    }

    #[test]
    fn ice_servers_have_their_own_credentials() {
        let options = page("http://host/?ice=stun:a:3478,ada:pw@turn:b:3478&relay=on");
        let servers = vec![
            IceServer::stun("stun:a:3478"),
            IceServer::turn("turn:b:3478", "ada", "pw"),
        ];
        assert_eq!(options.ice_servers, servers);
        let room = RoomOptions::new("ws://host/hello");
        let room = servers.into_iter().fold(room, RoomOptions::ice_server);
        assert_eq!(options.room(), room.relay_only());
        assert_eq!(page(&options.link).ice_servers, options.ice_servers);
    }

    #[test]
    fn room_name_contains_only_characters_of_the_font() {
        assert_eq!(page("http://host/?room=den").room_name(), "den");
        assert_eq!(page("http://host/?room=den%3Fnext=2").room_name(), "den");
        assert_eq!(printable("caf\u{e9} \u{1f980}\tx"), "caf? ??x");
    }
}
