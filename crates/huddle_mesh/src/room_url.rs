use std::{fmt, num::NonZeroU16, str::FromStr};

use thiserror::Error;
use url::Url;

use crate::token::Token;

/// The URL of a room on a signaling server: `ws://host:3536/my-room`.
///
/// A server with several games needs the game's name before the room's: `ws://host/my-game/my-room`.
///
/// Use `wss://` for encrypted signaling, which pages served over https need. Add `?next=N` to form
/// groups of N players from those who join the same room name.
///
/// ```
/// use huddle_mesh::RoomUrl;
///
/// let url: RoomUrl = "ws://localhost:3536/my-game?next=2".parse()?;
/// assert_eq!(url.room_name(), "my-game");
/// assert_eq!(url.group_size().map(|n| n.get()), Some(2));
/// assert!("localhost:3536/my-game".parse::<RoomUrl>().is_err());
/// # Ok::<(), huddle_mesh::RoomUrlError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RoomUrl {
    /// The URL without the token.
    url: Url,
    group_size: Option<NonZeroU16>,
    /// The value of `?token=`. It must not appear in texts.
    token: Option<Token>,
}

/// The reason why a text is not the URL of a room.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum RoomUrlError {
    /// The text is not a URL.
    #[error("`{0}` is not a URL ({1}); write it like ws://localhost:3536/my-room")]
    NotAUrl(String, url::ParseError),
    /// The scheme is neither `ws` nor `wss`.
    #[error("`{0}` starts with `{1}:`; a room URL starts with ws:// or wss://")]
    Scheme(String, String),
    /// The URL has no host.
    #[error("`{0}` has no host; write it like ws://localhost:3536/my-room")]
    NoHost(String),
    /// The URL has a fragment.
    #[error(
        "`{0}` has a `#`, which a WebSocket URL cannot have; write %23 if the room's name has one"
    )]
    Fragment(String),
    /// The path has neither one segment nor two.
    #[error(
        "`{0}` needs a room name after the host, like ws://localhost:3536/my-room, or a game and a room, like ws://localhost:3536/my-game/my-room"
    )]
    RoomName(String),
    /// The name of the room or of the game is too long.
    #[error("the name of the room or of the game is {0} bytes long; at most {max} are allowed", max = RoomUrl::MAX_NAME_LEN)]
    NameTooLong(usize),
    /// `next` is not a number from 2 to 64.
    #[error("`next={0}` is not a group size; use a whole number from 2 to 64")]
    GroupSize(String),
}

impl RoomUrl {
    /// The maximum length of the name of a room or a game, in bytes of the encoded URL path.
    pub const MAX_NAME_LEN: usize = 128;

    /// Returns the room name, as encoded in the URL's path.
    pub fn room_name(&self) -> &str {
        self.names().1
    }

    /// Returns the name of the game, as encoded in the URL's path, if the URL has one.
    pub fn app(&self) -> Option<&str> {
        self.names().0
    }

    fn names(&self) -> (Option<&str>, &str) {
        let path = self.url.path().trim_matches('/');
        match path.split_once('/') {
            Some((app, name)) => (Some(app), name),
            None => (None, path),
        }
    }

    /// Removes the token from the URL, and returns it.
    pub(crate) fn take_token(&mut self) -> Option<Token> {
        self.token.take()
    }

    /// Returns the number of players in a group, if the URL has `?next=N`.
    pub fn group_size(&self) -> Option<NonZeroU16> {
        self.group_size
    }

    /// Returns the URL of the room `name` of the same game on the same server, without `?next=N` and
    /// the settings of a new room.
    pub(crate) fn private_room(&self, name: &str) -> RoomUrl {
        let parameters = ["next", "listed", "capacity", "metadata"];
        let mut url = parameters
            .into_iter()
            .fold(self.url.clone(), without_parameter);
        match self.app() {
            Some(app) => url.set_path(&format!("{app}/{name}")),
            None => url.set_path(name),
        }
        RoomUrl {
            url,
            group_size: None,
            token: self.token.clone(),
        }
    }

    /// Returns the URL of the WebSocket, with additional parameters. It may contain secrets.
    ///
    /// It requests the extensions of the huddle server, which other servers ignore.
    pub(crate) fn socket_url<'a>(
        &self,
        parameters: impl IntoIterator<Item = (&'a str, String)>,
    ) -> String {
        let mut url = self.url.clone();
        url.query_pairs_mut()
            .append_pair("huddle", "1")
            .extend_pairs(parameters);
        url.into()
    }
}

/// Removes a parameter from a URL.
fn without_parameter(mut url: Url, name: &str) -> Url {
    let pairs = url.query_pairs().filter(|(key, _)| key != name);
    let pairs: Vec<_> = pairs
        .map(|(key, value)| (key.into_owned(), value.into_owned()))
        .collect();
    url.set_query(None);
    if !pairs.is_empty() {
        url.query_pairs_mut().extend_pairs(pairs);
    }
    url
}

/// Returns the text of a URL for an error. It omits the parameters, of which one may be a token.
fn shown(text: &str) -> String {
    match text.split_once('?') {
        Some((before, _)) => format!("{before}?…"),
        None => text.to_owned(),
    }
}

impl FromStr for RoomUrl {
    type Err = RoomUrlError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let mut url =
            Url::parse(text.trim()).map_err(|error| RoomUrlError::NotAUrl(shown(text), error))?;
        if !matches!(url.scheme(), "ws" | "wss") {
            let scheme = url.scheme().to_owned();
            return Err(RoomUrlError::Scheme(shown(text), scheme));
        }
        if url.host_str().is_none_or(str::is_empty) {
            return Err(RoomUrlError::NoHost(shown(text)));
        }
        // A browser throws an exception if a WebSocket URL has a fragment.
        if url.fragment().is_some() {
            return Err(RoomUrlError::Fragment(shown(text)));
        }
        let path = url.path().trim_matches('/').to_owned();
        let names: Vec<_> = path.split('/').collect();
        if names.len() > 2 || names.iter().any(|name| name.is_empty()) {
            return Err(RoomUrlError::RoomName(shown(text)));
        }
        if let Some(long) = names.iter().find(|name| name.len() > Self::MAX_NAME_LEN) {
            return Err(RoomUrlError::NameTooLong(long.len()));
        }
        url.set_path(&path);
        let token = url.query_pairs().find(|(key, _)| key == "token");
        let token = token.map(|(_, token)| token.into_owned());
        if token.is_some() {
            url = without_parameter(url, "token");
        }
        let group_size = match url.query_pairs().find(|(key, _)| key == "next") {
            None => None,
            Some((_, value)) => match value.parse::<NonZeroU16>() {
                Ok(n) if (2..=64).contains(&n.get()) => Some(n),
                _ => return Err(RoomUrlError::GroupSize(value.into_owned())),
            },
        };
        Ok(RoomUrl {
            url,
            group_size,
            token: token.and_then(Token::new),
        })
    }
}

impl fmt::Display for RoomUrl {
    /// Writes the URL without a `?token=`, so that it does not appear in logs.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.url.fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_mistake_has_its_own_error() {
        let error = |text: &str| text.parse::<RoomUrl>().unwrap_err();
        assert!(matches!(error("my-room"), RoomUrlError::NotAUrl(..)));
        assert!(matches!(
            error("http://host/room"),
            RoomUrlError::Scheme(..)
        ));
        assert!(matches!(error("ws://host:3536"), RoomUrlError::RoomName(_)));
        for path in ["a/b/c", "a//b", "//", ""] {
            let text = format!("ws://host/{path}");
            assert!(matches!(error(&text), RoomUrlError::RoomName(_)), "{text}");
        }
        assert!(matches!(error("ws://host/a#b"), RoomUrlError::Fragment(_)));
        assert!(matches!(
            error("ws://host/a?next=0"),
            RoomUrlError::GroupSize(_)
        ));
        assert!(matches!(
            error("ws://host/a?next=two"),
            RoomUrlError::GroupSize(_)
        ));
        let long = format!("ws://host/{}", "a".repeat(129));
        assert_eq!(error(&long), RoomUrlError::NameTooLong(129));
        let long = format!("ws://host/{}/room", "a".repeat(129));
        assert_eq!(error(&long), RoomUrlError::NameTooLong(129));
    }

    #[test]
    fn room_of_a_game_is_a_path_of_two_segments() {
        for (text, app, name) in [
            ("ws://host/room", None, "room"),
            ("ws://host/duel/room?next=2", Some("duel"), "room"),
            ("ws://host/caf%C3%A9/%2F/", Some("caf%C3%A9"), "%2F"),
        ] {
            let url: RoomUrl = text.parse().unwrap();
            assert_eq!((url.app(), url.room_name()), (app, name), "{text}");
        }
    }

    #[test]
    fn private_room_url_drops_grouping_and_keeps_game_and_other_parameters() {
        let url: RoomUrl = "wss://host/lobby?next=4&region=x".parse().unwrap();
        let private = url.private_room("abc");
        assert_eq!(private.to_string(), "wss://host/abc?region=x");
        assert_eq!(private.group_size(), None);
        assert_eq!(private.socket_url([]), "wss://host/abc?region=x&huddle=1");
        let returning = url.socket_url([("group", "7".to_owned())]);
        let expected = "wss://host/lobby?next=4&region=x&huddle=1&group=7";
        assert_eq!(returning, expected);
        let url: RoomUrl = "wss://host/du%2Fel/lobby?next=4".parse().unwrap();
        let private = url.private_room("abc");
        assert_eq!(private.to_string(), "wss://host/du%2Fel/abc");
        let url: RoomUrl = "wss://host/a?next=4&listed=1&capacity=2&metadata=b"
            .parse()
            .unwrap();
        assert_eq!(url.private_room("abc").to_string(), "wss://host/abc");
    }

    #[test]
    fn no_text_contains_the_token() {
        for text in [
            "ws://host/a?token=hush",
            "ws://host/a?next=2&to%6ben=hush",
            "ws://host/a?token=hush&token=hush2",
        ] {
            let mut url: RoomUrl = text.parse().unwrap();
            assert!(!format!("{url} {url:?}").contains("hush"), "{url:?}");
            let mut private = url.private_room("b");
            assert_eq!(private.take_token(), Token::new("hush"));
            assert_eq!(url.take_token(), Token::new("hush"));
        }
        for text in [
            "host/a?token=hush",
            "http://host/a?token=hush",
            "ws://host/a?token=hush#b",
            "ws://host/a/b/c?token=hush",
            "ws://?token=hush",
        ] {
            let error = text.parse::<RoomUrl>().unwrap_err();
            assert!(!format!("{error} {error:?}").contains("hush"), "{error:?}");
        }
    }
}
