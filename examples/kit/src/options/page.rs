//! The options from the address of the page.

use std::time::Duration;

use bevy_huddle::{IceServer, RoomSecret};
use url::Url;

use super::{Display, Options, conditioner, room_url};

impl Options {
    /// Reads the page's URL:
    /// `?room=NAME&bot=SEED&rest_after=SECONDS&render=off&signal=ws://HOST:PORT&ice=SERVERS&relay=on&lag=MS&jitter=MS&loss=PERCENT&identity=NAME#secret=DIGITS`.
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
        let mut number = |name: &str, use_instead: &str| {
            let text = given(name)?;
            let number = text.parse::<u64>().ok();
            if number.is_none() {
                errors.push(format!(
                    "{name}={text} is not a whole number: {use_instead}"
                ));
            }
            number
        };
        let bot = number("bot", "use a seed such as bot=7");
        let rest_after = number("rest_after", "use seconds such as rest_after=30");
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
                .map(IceServer::from)
                .collect(),
            relay_only,
            secret,
            identity: given("identity"),
            conditioner,
            link: link.into(),
            bot,
            rest_after: rest_after.map(Duration::from_secs),
            display,
            errors,
        }
    }
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
                rest_after: None,
                display: Display::Window,
                errors: vec![format!(
                    "this page has no valid address ({error}): serve it over http"
                )],
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use bevy_huddle::{LinkConditioner, RoomOptions};

    use super::*;
    use crate::options::printable;

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
    fn bot_can_stop() {
        let seconds = |text| page(&format!("http://host/?bot=3&rest_after={text}")).rest_after;
        assert_eq!(seconds("30"), Some(Duration::from_secs(30)));
        assert_eq!(seconds("soon"), None);
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
