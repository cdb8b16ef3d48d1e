//! The request of a client: the room, and the secrets that the client sends in its URL.

use uuid::Uuid;

use crate::{
    config::RoomConfig,
    core::signal::ResumeSecret,
    room_url::RoomUrl,
    settings::NewRoom,
    token::{HIDDEN, Token},
};

/// The maximum length of a text of the server or the platform, in characters.
const MAX_REASON: usize = 200;

/// The request that the client makes with its next connection.
#[derive(Debug)]
pub(super) struct Request {
    pub(super) url: RoomUrl,
    /// The settings of the room if the client creates it.
    new_room: NewRoom,
    /// The group to which the client returns.
    pub(super) group: Option<Uuid>,
    /// The secret of the client's place, if the server keeps places.
    pub(super) place: Option<ResumeSecret>,
    token: Option<Token>,
    /// No connection has sent the token yet.
    is_token_unused: bool,
}

impl Request {
    /// Creates the request for a room. The token has precedence over the one in the URL.
    pub(super) fn new(config: &RoomConfig) -> Self {
        let mut url = config.url.clone();
        let in_url = url.take_token();
        Self {
            url,
            new_room: config.new_room.clone(),
            group: None,
            place: None,
            token: config.token.clone().or(in_url),
            is_token_unused: true,
        }
    }

    /// Sets another room of the same server.
    pub(super) fn set_url(&mut self, url: RoomUrl) {
        self.url = url;
        self.new_room = NewRoom::default();
        self.group = None;
    }

    pub(super) fn set_token(&mut self, token: Option<Token>) {
        self.token = token;
        self.is_token_unused = true;
    }

    /// Returns whether the next connection uses the current token for the first time.
    pub(super) fn has_unused_token(&self) -> bool {
        self.is_token_unused && self.token.is_some()
    }

    /// Returns the URL of the next connection. It contains secrets.
    pub(super) fn socket_url(&mut self) -> String {
        self.is_token_unused = false;
        let group = self.group.map(|group| group.simple().to_string());
        let token = self.token.as_ref().map(|token| token.expose().to_owned());
        let parameters = [
            ("group", group),
            ("resume", self.place.map(ResumeSecret::expose)),
            ("token", token),
        ];
        let set = parameters
            .into_iter()
            .filter_map(|(key, value)| Some((key, value?)));
        self.url.socket_url(self.new_room.parameters().chain(set))
    }

    /// Returns a text of the server or the platform for the game. The text may contain the URL.
    pub(super) fn without_secrets(&self, text: &str) -> String {
        let mut text = match &self.token {
            Some(token) => token.hide_in(text),
            None => text.to_owned(),
        };
        if let Some(place) = self.place {
            text = text.replace(&place.expose(), HIDDEN);
        }
        let printable = text.chars().filter(|c| !c.is_control());
        printable.take(MAX_REASON).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(url: &str, token: &str) -> Request {
        let mut config = RoomConfig::new(url).unwrap();
        if !token.is_empty() {
            config = config.with_token(token);
        }
        Request::new(&config)
    }

    #[test]
    fn url_contains_the_token_and_texts_do_not() {
        let mut with_token = request("ws://host/room", "hu sh");
        assert_eq!(
            with_token.socket_url(),
            "ws://host/room?huddle=1&token=hu+sh"
        );
        let text = format!("cannot open {}\n: hu sh", with_token.socket_url());
        let hidden = "cannot open ws://host/room?huddle=1&token=…: …";
        assert_eq!(with_token.without_secrets(&text), hidden);
        assert!(!format!("{with_token:?}").contains("hu sh"));
        let mut in_url = request("ws://host/room?token=hush", "");
        assert_eq!(in_url.socket_url(), "ws://host/room?huddle=1&token=hush");
        in_url.set_token(None);
        assert_eq!(in_url.socket_url(), "ws://host/room?huddle=1");
    }

    #[test]
    fn url_contains_the_settings_of_a_new_room_until_the_client_moves() {
        let config = RoomConfig::new("ws://host/room").unwrap();
        let config = config.listed().with_capacity(4).with_metadata("a b&c");
        let mut listed = Request::new(&config);
        let expected = "ws://host/room?huddle=1&listed=1&capacity=4&metadata=a+b%26c";
        assert_eq!(listed.socket_url(), expected);
        listed.set_url("ws://host/group".parse().unwrap());
        assert_eq!(listed.socket_url(), "ws://host/group?huddle=1");
    }

    #[test]
    fn text_of_a_hostile_server_is_short() {
        let long = request("ws://host/room", "").without_secrets(&"ü".repeat(10_000));
        assert_eq!(long.chars().count(), MAX_REASON);
    }
}
