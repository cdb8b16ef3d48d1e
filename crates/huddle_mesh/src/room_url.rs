use std::{fmt, num::NonZeroU16, str::FromStr};

use thiserror::Error;
use url::Url;
use uuid::Uuid;

/// The URL of a room on a signaling server: `ws://host:3536/my-room`.
///
/// Use `wss://` for encrypted signaling, which pages served over https need. Add `?next=N` to form
/// groups of N players from those who join the same room name. With `ws://host:3536/my-game/my-room`,
/// the server `huddle-signaling` keeps the rooms of each game separate.
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
    url: Url,
    group_size: Option<NonZeroU16>,
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
    /// The path does not have one or two segments.
    #[error(
        "`{0}` needs a room name after the host, like ws://localhost:3536/my-room or \
         ws://localhost:3536/my-game/my-room"
    )]
    RoomName(String),
    /// The room name is too long.
    #[error("the room name is {0} bytes long; at most {max} are allowed", max = RoomUrl::MAX_NAME_LEN)]
    NameTooLong(usize),
    /// `next` is not a number from 2 to 64.
    #[error("`next={0}` is not a group size; use a whole number from 2 to 64")]
    GroupSize(String),
}

impl RoomUrl {
    /// The maximum length of the name of a room or game, in bytes of the encoded URL path.
    pub const MAX_NAME_LEN: usize = 128;

    /// Returns the room name, as encoded in the URL's path.
    pub fn room_name(&self) -> &str {
        let path = self.url.path().trim_matches('/');
        path.split_once('/').map_or(path, |(_, room)| room)
    }

    /// Returns the name of the game, as encoded in the URL's path, if the URL has one.
    pub fn game(&self) -> Option<&str> {
        let path = self.url.path().trim_matches('/');
        path.split_once('/').map(|(game, _)| game)
    }

    /// Returns the number of players in a group, if the URL has `?next=N`.
    pub fn group_size(&self) -> Option<NonZeroU16> {
        self.group_size
    }

    /// Returns the URL of the room `name` of the same game and server, without `?next=N`.
    pub(crate) fn private_room(&self, name: &str) -> RoomUrl {
        let mut url = self.url.clone();
        match self.game() {
            Some(game) => url.set_path(&format!("{game}/{name}")),
            None => url.set_path(name),
        }
        let parameters: Vec<_> = url
            .query_pairs()
            .filter(|(key, _)| key != "next")
            .map(|(key, value)| (key.into_owned(), value.into_owned()))
            .collect();
        url.set_query(None);
        if !parameters.is_empty() {
            url.query_pairs_mut().extend_pairs(parameters);
        }
        RoomUrl {
            url,
            group_size: None,
        }
    }

    /// Returns the URL of the WebSocket.
    ///
    /// It requests the extensions of the huddle server, which other servers ignore. `group` is the
    /// group to which a reconnecting client returns.
    pub(crate) fn socket_url(&self, group: Option<Uuid>) -> String {
        let mut url = self.url.clone();
        url.query_pairs_mut().append_pair("huddle", "1");
        if let Some(group) = group {
            let id = group.simple().to_string();
            url.query_pairs_mut().append_pair("group", &id);
        }
        url.into()
    }
}

impl FromStr for RoomUrl {
    type Err = RoomUrlError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let url = Url::parse(text.trim()).map_err(|e| RoomUrlError::NotAUrl(text.to_owned(), e))?;
        if !matches!(url.scheme(), "ws" | "wss") {
            return Err(RoomUrlError::Scheme(
                text.to_owned(),
                url.scheme().to_owned(),
            ));
        }
        if url.host_str().is_none_or(str::is_empty) {
            return Err(RoomUrlError::NoHost(text.to_owned()));
        }
        // A browser throws an exception if a WebSocket URL has a fragment.
        if url.fragment().is_some() {
            return Err(RoomUrlError::Fragment(text.to_owned()));
        }
        let names: Vec<_> = url.path().trim_matches('/').split('/').collect();
        if names.len() > 2 || names.contains(&"") {
            return Err(RoomUrlError::RoomName(text.to_owned()));
        }
        let longest = names.iter().map(|name| name.len()).max().unwrap_or(0);
        if longest > Self::MAX_NAME_LEN {
            return Err(RoomUrlError::NameTooLong(longest));
        }
        let group_size = match url.query_pairs().find(|(key, _)| key == "next") {
            None => None,
            Some((_, value)) => match value.parse::<NonZeroU16>() {
                Ok(n) if (2..=64).contains(&n.get()) => Some(n),
                _ => return Err(RoomUrlError::GroupSize(value.into_owned())),
            },
        };
        Ok(RoomUrl { url, group_size })
    }
}

impl fmt::Display for RoomUrl {
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
        assert!(matches!(
            error("ws://host/a/b/c"),
            RoomUrlError::RoomName(_)
        ));
        assert!(matches!(error("ws://host/a//b"), RoomUrlError::RoomName(_)));
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
        let long = format!("ws://host/{}/a", "a".repeat(130));
        assert_eq!(error(&long), RoomUrlError::NameTooLong(130));
    }

    #[test]
    fn room_of_a_game_has_two_names() {
        let url: RoomUrl = "ws://host/duel/lobby?next=2".parse().unwrap();
        assert_eq!((url.game(), url.room_name()), (Some("duel"), "lobby"));
        assert_eq!(url.private_room("abc").to_string(), "ws://host/duel/abc");
        let url: RoomUrl = "ws://host/lobby".parse().unwrap();
        assert_eq!((url.game(), url.room_name()), (None, "lobby"));
    }

    #[test]
    fn private_room_url_drops_grouping_and_keeps_other_parameters() {
        let url: RoomUrl = "wss://host/lobby?next=4&token=x".parse().unwrap();
        let private = url.private_room("abc");
        assert_eq!(private.to_string(), "wss://host/abc?token=x");
        assert_eq!(private.group_size(), None);
        assert_eq!(private.socket_url(None), "wss://host/abc?token=x&huddle=1");
        let returning = url.socket_url(Some(Uuid::from_u128(7)));
        let group = "00000000000000000000000000000007";
        let expected = format!("wss://host/lobby?next=4&token=x&huddle=1&group={group}");
        assert_eq!(returning, expected);
    }
}
