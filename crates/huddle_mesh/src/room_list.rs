//! The list of rooms of a game: where it is, and what it contains.

use percent_encoding::percent_decode_str;
use serde::Deserialize;
use thiserror::Error;
use url::Url;

use crate::{limits::MAX_METADATA_LEN, room_url::RoomUrl};

/// The maximum number of rooms on a page of the list.
const MAX_ROOMS: usize = 100;

/// A request for a page of the list of rooms that `huddle-signaling` publishes.
///
/// It contains the open rooms of a game that their keepers have listed, ordered by name. This type
/// only describes the request. Send it with any HTTP client:
///
/// ```
/// use huddle_mesh::RoomListRequest;
///
/// let request = RoomListRequest::new("wss://play.example.org/my-game")?.limit(10);
/// assert_eq!(request.http_url(), "https://play.example.org/rooms?app=my-game&limit=10");
///
/// let body = br#"{"rooms":[{"name":"den","players":1,"capacity":4,"metadata":"Ada's den"}],"next":null}"#;
/// let page = request.parse(body).unwrap();
/// assert_eq!(page.rooms[0].url, "wss://play.example.org/my-game/den");
/// # Ok::<(), huddle_mesh::ServerUrlError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RoomListRequest {
    /// The server, without a path and parameters.
    server: Url,
    /// The name of the game, as encoded in a path.
    app: Option<String>,
    after: Option<String>,
    limit: Option<usize>,
}

/// A page of the list of rooms.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RoomList {
    /// The rooms, ordered by name.
    pub rooms: Vec<ListedRoom>,
    /// The name for [`RoomListRequest::after`] that requests the next page. `None` on the last page.
    pub next: Option<String>,
}

/// A room in the list of rooms.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListedRoom {
    /// The name of the room. It comes from another player, so do not trust it.
    pub name: String,
    /// The URL with which a player joins the room.
    pub url: String,
    /// The number of players in the room.
    pub players: u16,
    /// The number of players at which the room is full.
    pub capacity: u16,
    /// A text of the game about the room. It comes from another player, so do not trust it.
    pub metadata: String,
}

/// The reason why a text is not the URL of a signaling server.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum ServerUrlError {
    /// The text is not a URL.
    #[error("`{0}` is not a URL ({1}); write it like wss://play.example.org/my-game")]
    NotAUrl(String, url::ParseError),
    /// The scheme is neither `ws` nor `wss`.
    #[error("`{0}` starts with `{1}:`; the URL of a signaling server starts with ws:// or wss://")]
    Scheme(String, String),
    /// The URL has no host.
    #[error("`{0}` has no host; write it like wss://play.example.org/my-game")]
    NoHost(String),
    /// The path has more than the name of a game.
    #[error(
        "`{0}` has more than the name of a game after the host; write it like wss://play.example.org/my-game, without a room"
    )]
    Path(String),
}

/// The answer of the server.
#[derive(Deserialize)]
struct WireList {
    rooms: Vec<WireRoom>,
    next: Option<String>,
}

#[derive(Deserialize)]
struct WireRoom {
    name: String,
    players: u64,
    capacity: u64,
    metadata: String,
}

impl RoomListRequest {
    /// The maximum length of an answer in bytes. Clients do not have to read longer ones.
    pub const MAX_ANSWER_LEN: usize = 512 * 1024;

    /// Creates a request for the first page of the list of a game. The URL is that of a room without
    /// the room's name: `wss://play.example.org/my-game`, or `ws://localhost:3536` for rooms without
    /// the name of a game.
    ///
    /// # Errors
    /// Returns an error if `server` is not the URL of a signaling server.
    pub fn new(server: &str) -> Result<Self, ServerUrlError> {
        let text = server.trim();
        // One of the parameters may be a token.
        let shown = || text.split('?').next().unwrap_or_default().to_owned();
        let mut server =
            Url::parse(text).map_err(|error| ServerUrlError::NotAUrl(shown(), error))?;
        if !matches!(server.scheme(), "ws" | "wss") {
            let scheme = server.scheme().to_owned();
            return Err(ServerUrlError::Scheme(shown(), scheme));
        }
        if server.host_str().is_none_or(str::is_empty) {
            return Err(ServerUrlError::NoHost(shown()));
        }
        let app = server.path().trim_matches('/').to_owned();
        if app.contains('/') || app.len() > RoomUrl::MAX_NAME_LEN {
            return Err(ServerUrlError::Path(shown()));
        }
        server.set_path("");
        server.set_query(None);
        server.set_fragment(None);
        Ok(Self {
            server,
            app: Some(app).filter(|app| !app.is_empty()),
            after: None,
            limit: None,
        })
    }

    /// Requests the rooms after the one with this name, usually [`RoomList::next`].
    #[must_use]
    pub fn after(mut self, name: impl Into<String>) -> Self {
        self.after = Some(name.into());
        self
    }

    /// Sets the maximum number of rooms on the page, at most 100. The server has a default.
    #[must_use]
    pub fn limit(mut self, rooms: usize) -> Self {
        self.limit = Some(rooms.clamp(1, MAX_ROOMS));
        self
    }

    /// Returns the URL for the HTTP request.
    pub fn http_url(&self) -> String {
        let scheme = match self.server.scheme() {
            "wss" => "https",
            _ => "http",
        };
        let mut url = self.server.clone();
        // Both schemes of both pairs are special, so this always succeeds.
        let _ = url.set_scheme(scheme);
        url.set_path("rooms");
        let app = self.app.as_deref();
        let app = app.map(|app| percent_decode_str(app).decode_utf8_lossy().into_owned());
        let limit = self.limit.map(|rooms| rooms.to_string());
        let parameters = [
            ("app", app),
            ("after", self.after.clone()),
            ("limit", limit),
        ];
        for (key, value) in parameters {
            if let Some(value) = value {
                url.query_pairs_mut().append_pair(key, &value);
            }
        }
        url.into()
    }

    /// Parses the answer of the server. It omits rooms that no player can join, or whose metadata is
    /// too long. Returns `None` if the bytes are not a list of rooms.
    pub fn parse(&self, body: &[u8]) -> Option<RoomList> {
        if body.len() > Self::MAX_ANSWER_LEN {
            return None;
        }
        let list: WireList = serde_json::from_slice(body).ok()?;
        let rooms = list.rooms.into_iter().take(MAX_ROOMS);
        Some(RoomList {
            rooms: rooms.filter_map(|room| self.listed(room)).collect(),
            next: list.next,
        })
    }

    fn listed(&self, room: WireRoom) -> Option<ListedRoom> {
        if room.metadata.len() > MAX_METADATA_LEN {
            return None;
        }
        let players = |number: u64| u16::try_from(number).unwrap_or(u16::MAX);
        Some(ListedRoom {
            url: self.room_url(&room.name)?,
            players: players(room.players),
            capacity: players(room.capacity),
            metadata: room.metadata,
            name: room.name,
        })
    }

    /// Returns the URL of a room. A URL cannot name every room: it omits the segments `.` and `..`.
    fn room_url(&self, name: &str) -> Option<String> {
        let mut url = self.server.clone();
        if let Some(app) = &self.app {
            url.set_path(app);
        }
        let mut segments = url.path_segments_mut().ok()?;
        segments.pop_if_empty().push(name);
        drop(segments);
        let url: RoomUrl = url.as_str().parse().ok()?;
        let named = percent_decode_str(url.room_name()).decode_utf8().ok()?;
        let is_named = named == name && url.app() == self.app.as_deref();
        is_named.then(|| url.to_string())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(server: &str) -> RoomListRequest {
        RoomListRequest::new(server).unwrap()
    }

    #[test]
    fn list_is_at_the_server_of_the_game() {
        for (server, url) in [
            ("ws://localhost:3536", "http://localhost:3536/rooms"),
            ("ws://localhost:3536/", "http://localhost:3536/rooms"),
            ("wss://host/duel", "https://host/rooms?app=duel"),
            (" wss://host/duel/ ", "https://host/rooms?app=duel"),
            (
                "ws://[::1]:80/a%26b%20+",
                "http://[::1]/rooms?app=a%26b+%2B",
            ),
            ("ws://host/duel?next=2#x", "http://host/rooms?app=duel"),
        ] {
            assert_eq!(request(server).http_url(), url, "{server}");
        }
        let page = request("ws://host").after("r 1&2").limit(1000);
        assert_eq!(page.http_url(), "http://host/rooms?after=r+1%262&limit=100");
    }

    #[test]
    fn each_mistake_has_its_own_error_without_parameters() {
        let error = |text: &str| RoomListRequest::new(text).unwrap_err();
        assert!(matches!(error("host/duel"), ServerUrlError::NotAUrl(..)));
        assert!(matches!(error("https://host"), ServerUrlError::Scheme(..)));
        assert!(matches!(error("ws://host/a/b"), ServerUrlError::Path(_)));
        let text = error("ws://host/a/b?token=hush").to_string();
        assert!(!text.contains("hush"), "{text}");
    }

    fn body(name: &str, players: &str, metadata: &str) -> String {
        let name = serde_json::to_string(name).unwrap();
        format!(
            r#"{{"rooms":[{{"name":{name},"players":{players},"capacity":8,"metadata":"{metadata}","later":0}}],"next":"r"}}"#
        )
    }

    #[test]
    fn each_listed_room_has_the_url_to_join_it() {
        for (server, name, url) in [
            ("ws://host", "den", "ws://host/den"),
            ("wss://host/duel", "den", "wss://host/duel/den"),
            (
                "ws://host/a%2Fb",
                "a/b? #%ü",
                "ws://host/a%2Fb/a%2Fb%3F%20%23%25%C3%BC",
            ),
        ] {
            let page = request(server).parse(body(name, "2", "dust").as_bytes());
            let expected = ListedRoom {
                name: name.to_owned(),
                url: url.to_owned(),
                players: 2,
                capacity: 8,
                metadata: "dust".to_owned(),
            };
            let expected = RoomList {
                rooms: vec![expected],
                next: Some("r".to_owned()),
            };
            assert_eq!(page, Some(expected), "{name}");
        }
    }

    #[test]
    fn rooms_that_cannot_be_joined_are_omitted() {
        let duel = request("ws://host/duel");
        let long = "x".repeat(129);
        for name in ["", ".", "..", "%2e", "%2E%2e", long.as_str()] {
            let page = duel.parse(body(name, "2", "").as_bytes()).unwrap();
            let joined = page.rooms.iter().all(|room| {
                let url: RoomUrl = room.url.parse().unwrap();
                percent_decode_str(url.room_name()).decode_utf8_lossy() == name
            });
            assert!(joined, "{name}: {page:?}");
        }
        assert_eq!(
            duel.parse(body("..", "2", "").as_bytes()).unwrap().rooms,
            []
        );
        let long = duel.parse(body("den", "2", &"x".repeat(257)).as_bytes());
        assert_eq!(long.unwrap().rooms, []);
    }

    #[test]
    fn hostile_answers_are_bounded_or_rejected() {
        let duel = request("ws://host/duel");
        let huge = body("den", "18446744073709551615", "");
        let page = duel.parse(huge.as_bytes()).unwrap();
        assert_eq!(page.rooms[0].players, u16::MAX);
        for invalid in [
            "",
            "[]",
            "<html>",
            r#"{"rooms":{}}"#,
            &body("den", "-1", ""),
            &body("den", "\"2\"", ""),
        ] {
            assert_eq!(duel.parse(invalid.as_bytes()), None, "{invalid}");
        }
        let padded = format!("{}{}", " ".repeat(RoomListRequest::MAX_ANSWER_LEN), huge);
        assert_eq!(duel.parse(padded.as_bytes()), None);
        let room = r#"{"name":"r","players":1,"capacity":2,"metadata":""}"#;
        let many = format!(r#"{{"rooms":[{}],"next":null}}"#, [room; 1000].join(","));
        assert_eq!(duel.parse(many.as_bytes()).unwrap().rooms.len(), MAX_ROOMS);
    }
}
