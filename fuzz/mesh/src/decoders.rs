//! Checks that a value that a decoder accepts can be encoded and decoded to the same value.

use bytes::{Bytes, BytesMut};
use huddle_id::PeerId;
use percent_encoding::percent_decode_str;
use url::Url;

use crate::{
    core::{
        candidate::Candidate,
        control::Control,
        sdp::{Description, MAX_CANDIDATES, SdpKind},
        signal::{self, ServerMessage, Signal},
    },
    framing::{Decoder, FramingError, encode},
    limits::{MAX_METADATA_LEN, MAX_SIGNAL_LEN},
    room_list::RoomListRequest,
    room_url::RoomUrl,
};

/// Decodes an ICE candidate.
pub fn candidate(text: &str) {
    let Ok(candidate) = text.parse::<Candidate>() else {
        return;
    };
    let written = candidate.to_string();
    assert!(is_plain(&written), "{written:?}");
    assert_eq!(written.parse(), Ok(candidate));
}

/// Decodes a session description, as an offer and as an answer.
pub fn sdp(text: &str) {
    for kind in [SdpKind::Offer, SdpKind::Answer] {
        let Ok(description) = Description::parse(kind, text) else {
            continue;
        };
        assert!(description.candidates.len() <= MAX_CANDIDATES);
        let written = description.to_sdp();
        assert!(written.split("\r\n").all(is_plain), "{written:?}");
        assert_eq!(written.matches("m=").count(), 1);
        assert_eq!(Description::parse(kind, &written), Ok(description));
    }
}

/// Decodes a control message.
pub fn control(bytes: &[u8]) {
    if let Some(message) = Control::decode(bytes) {
        assert_eq!(message.encode(), bytes);
    }
}

/// Decodes a message from the signaling server.
pub fn signal(text: &str) {
    let Ok(message) = text.parse::<ServerMessage>() else {
        return;
    };
    match &message {
        ServerMessage::Session(session) => {
            let secret = session.resume.expose();
            assert!(secret.len() == 32 && secret.bytes().all(|byte| byte.is_ascii_hexdigit()));
        }
        ServerMessage::IceServers(Ok(servers)) => {
            assert!((1..=8).contains(&servers.urls.len()));
            let logins = servers.username.iter().chain(&servers.credential);
            assert!(logins.clone().all(|login| (1..=512).contains(&login.len())));
            assert!(servers.urls.iter().chain(logins).all(|text| is_plain(text)));
        }
        ServerMessage::Room(settings) => {
            let settings = settings.clone().seen_by(None);
            assert!(!settings.is_keeper && settings.metadata.len() <= MAX_METADATA_LEN);
        }
        _ => {}
    }
    if let ServerMessage::Signal(sender, Ok(signal)) = &message {
        if let Signal::Candidate { ufrag, .. } = signal {
            assert_ne!(
                ufrag.as_deref(),
                Some(""),
                "an empty ufrag must become `None`"
            );
        }
        let request = signal::request(*sender, signal);
        assert!(request.len() <= MAX_SIGNAL_LEN);
        let relayed = request.replacen("receiver", "sender", 1);
        match relayed.parse::<ServerMessage>() {
            Ok(again) => assert_eq!(again, message),
            Err(error) => panic!("{error}: {relayed}"),
        }
    }
}

/// Splits the byte stream of a TURN server, in parts whose lengths depend on `seed`.
pub fn turn_stream(seed: u8, bytes: &[u8]) {
    let (messages, end) = split(bytes, bytes.len());
    let parts = split(bytes, usize::from(seed).max(1));
    assert_eq!(parts, (messages.clone(), end));
    let mut wire = BytesMut::new();
    for message in &messages {
        encode(message, &mut wire);
    }
    assert_eq!(split(&wire, wire.len()), (messages, Ok(())));
}

/// Returns the messages in a stream that arrives in parts of `length` bytes, and how it ends.
fn split(bytes: &[u8], length: usize) -> (Vec<Bytes>, Result<(), FramingError>) {
    let (mut decoder, mut messages) = (Decoder::default(), Vec::new());
    for part in bytes.chunks(length.max(1)) {
        decoder.push(part);
        loop {
            match decoder.next() {
                Ok(Some(message)) => messages.push(message),
                Ok(None) => break,
                Err(error) => return (messages, Err(error)),
            }
        }
    }
    (messages, Ok(()))
}

/// Decodes a list of rooms.
pub fn room_list(text: &str) {
    for server in ["ws://host", "wss://host/a%2Fb"] {
        let request = RoomListRequest::new(server).expect("a valid URL");
        let Some(list) = request.parse(text.as_bytes()) else {
            return;
        };
        assert!(list.rooms.len() <= 100);
        for room in list.rooms {
            assert!(room.metadata.len() <= MAX_METADATA_LEN);
            let url: RoomUrl = room.url.parse().expect("a valid URL");
            assert_eq!(url.app(), server.split('/').nth(3));
            let name = percent_decode_str(url.room_name()).decode_utf8();
            assert_eq!(name.as_deref(), Ok(room.name.as_str()));
        }
        if let Some(name) = list.next {
            let next = request.after(name).http_url();
            assert!(Url::parse(&next).is_ok_and(|url| url.path() == "/rooms"));
        }
    }
}

/// Decodes the URL of a room.
pub fn room_url(text: &str) {
    let Ok(mut url) = text.parse::<RoomUrl>() else {
        return;
    };
    // Texts do not contain the token.
    url.take_token();
    assert_eq!(url.to_string().parse(), Ok(url.clone()));
    let name = url.room_name();
    for name in url.app().into_iter().chain([name]) {
        assert!(!name.is_empty() && name.len() <= RoomUrl::MAX_NAME_LEN && !name.contains('/'));
    }

    let private = url.private_room("private");
    assert_eq!((private.app(), private.room_name()), (url.app(), "private"));
    assert_eq!(private.group_size(), None);
    assert_eq!(private.to_string().parse(), Ok(private));

    for group in [None, Some("7")] {
        let parameters = group.map(|group| ("group", group.to_owned()));
        let socket = Url::parse(&url.socket_url(parameters)).expect("a valid URL");
        assert!(matches!(socket.scheme(), "ws" | "wss"));
        // A browser throws an exception if the URL of a WebSocket has a fragment.
        assert_eq!(socket.fragment(), None);
        let has = |key: &str, value: &str| {
            let mut pairs = socket.query_pairs();
            pairs.any(|pair| pair == (key.into(), value.into()))
        };
        assert!(has("huddle", "1"));
        assert!(group.is_none_or(|group| has("group", group)));
    }
}

/// Returns whether a text consists of printable ASCII characters without line breaks.
fn is_plain(text: &str) -> bool {
    text.bytes().all(|byte| matches!(byte, b' '..=b'~'))
}
