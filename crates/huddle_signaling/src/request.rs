//! The request in a client's URL, and the reasons to refuse it.

use std::num::NonZeroUsize;

use http::{StatusCode, Uri};
use percent_encoding::percent_decode_str;
use uuid::Uuid;

use crate::{
    close_code,
    rooms::{JoinError, JoinRequest, RoomKey},
};

/// The maximum length of a room name. The server keeps the names of all rooms in memory.
const MAX_NAME_BYTES: usize = 128;

/// The reason why the server refuses a client. Its text is also the reason in a WebSocket close
/// frame, where it can have at most 123 bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Refusal {
    #[error("not found: connect to ws://HOST/ROOM, where the room name has no slash")]
    NotFound,
    #[error("bad room name: use at most 128 bytes of UTF-8")]
    BadName,
    #[error("bad ?next=N: N is the number of players in a group, from 1 to {max}")]
    BadNext { max: usize },
    #[error("this room is full: it has {max} players, try another room")]
    RoomFull { max: usize },
    #[error("this server is full: try again in a minute")]
    ServerFull,
    #[error("the server restarts: connect again")]
    Draining,
}

impl Refusal {
    pub(crate) fn from_join_error(error: JoinError, max_members: usize) -> Self {
        match error {
            JoinError::RoomFull => Self::RoomFull { max: max_members },
            JoinError::ServerFull => Self::ServerFull,
        }
    }

    pub(crate) fn status(self) -> StatusCode {
        match self {
            Self::NotFound => StatusCode::NOT_FOUND,
            Self::BadName | Self::BadNext { .. } => StatusCode::BAD_REQUEST,
            Self::RoomFull { .. } | Self::ServerFull | Self::Draining => {
                StatusCode::SERVICE_UNAVAILABLE
            }
        }
    }

    pub(crate) fn close_code(self) -> u16 {
        match self {
            Self::NotFound => close_code::NOT_FOUND,
            Self::BadName | Self::BadNext { .. } => close_code::BAD_REQUEST,
            Self::RoomFull { .. } | Self::ServerFull => close_code::FULL,
            Self::Draining => close_code::SERVICE_RESTART,
        }
    }
}

/// Returns whether the client requests the extensions of the matchbox protocol.
pub(crate) fn wants_extensions(uri: &Uri) -> bool {
    query_value(uri, "huddle").is_some_and(|value| value == "1")
}

/// Parses the URL of a client that wants to join.
pub(crate) fn join_request(uri: &Uri, max_members: usize) -> Result<JoinRequest, Refusal> {
    Ok(JoinRequest {
        key: room_key(uri, max_members)?,
        has_extensions: wants_extensions(uri),
        group: query_value(uri, "group").and_then(|id| id.parse::<Uuid>().ok()),
    })
}

/// Returns the room that the path and `?next=N` name.
pub(crate) fn room_key(uri: &Uri, max_members: usize) -> Result<RoomKey, Refusal> {
    let path = uri.path().strip_prefix('/').unwrap_or_default();
    if path.contains('/') {
        return Err(Refusal::NotFound);
    }
    let name = percent_decode_str(path)
        .decode_utf8()
        .map_err(|_| Refusal::BadName)?;
    if name.len() > MAX_NAME_BYTES {
        return Err(Refusal::BadName);
    }
    let next = query_value(uri, "next")
        .map(|next| match next.parse::<NonZeroUsize>() {
            Ok(size) if size.get() <= max_members => Ok(size),
            _ => Err(Refusal::BadNext { max: max_members }),
        })
        .transpose()?;
    Ok(RoomKey {
        name: name.into_owned(),
        next,
    })
}

/// Returns the value of a query parameter. If it occurs more than once, the last value counts.
fn query_value(uri: &Uri, key: &str) -> Option<String> {
    form_urlencoded::parse(uri.query()?.as_bytes())
        .filter(|(name, _)| name == key)
        .last()
        .map(|(_, value)| value.into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(uri: &str) -> Result<(String, Option<usize>), Refusal> {
        room_key(&uri.parse().unwrap(), 64).map(|key| (key.name, key.next.map(NonZeroUsize::get)))
    }

    #[test]
    fn room_is_a_path_of_one_segment() {
        assert_eq!(parse("/"), Ok((String::new(), None)));
        assert_eq!(parse("/hello"), Ok(("hello".into(), None)));
        assert_eq!(parse("/caf%C3%A9%2F1"), Ok(("café/1".into(), None)));
        assert_eq!(parse("/a/b"), Err(Refusal::NotFound));
        assert_eq!(parse("/a/"), Err(Refusal::NotFound));
        assert_eq!(parse("//"), Err(Refusal::NotFound));
    }

    #[test]
    fn room_name_is_short_utf8() {
        let longest = "x".repeat(128);
        assert_eq!(parse(&format!("/{longest}")), Ok((longest.clone(), None)));
        assert_eq!(parse(&format!("/{longest}x")), Err(Refusal::BadName));
        assert_eq!(parse("/%ff"), Err(Refusal::BadName));
    }

    #[test]
    fn next_is_a_group_size() {
        assert_eq!(parse("/r?next=2"), Ok(("r".into(), Some(2))));
        assert_eq!(parse("/r?a=b&next=64&huddle=1"), Ok(("r".into(), Some(64))));
        assert_eq!(parse("/r?next=2&next=3"), Ok(("r".into(), Some(3))));
        for bad in ["0", "65", "two", "", "-1", "1.5", "99999999999999999999999"] {
            let parsed = parse(&format!("/r?next={bad}"));
            assert_eq!(parsed, Err(Refusal::BadNext { max: 64 }), "next={bad}");
        }
    }

    #[test]
    fn extensions_need_the_exact_parameter() {
        let wants = |uri: &str| wants_extensions(&uri.parse().unwrap());
        assert!(wants("/r?huddle=1"));
        assert!(wants("/a/b?next=0&huddle=1"));
        assert!(!wants("/r"));
        assert!(!wants("/r?huddle=0"));
        assert!(!wants("/huddle=1"));
    }

    #[test]
    fn group_parameter_is_an_id() {
        let group = |uri: &str| join_request(&uri.parse().unwrap(), 64).unwrap().group;
        let id = Uuid::from_u128(7);
        let back = format!("/r?next=2&huddle=1&group={}", id.simple());
        assert_eq!(group(&back), Some(id));
        for none in ["/r?next=2&huddle=1", "/r?group=", "/r?group=seven"] {
            assert_eq!(group(none), None, "{none}");
        }
    }

    #[test]
    fn every_refusal_fits_into_a_close_frame() {
        let max = usize::MAX;
        for refusal in [
            Refusal::NotFound,
            Refusal::BadName,
            Refusal::BadNext { max },
            Refusal::RoomFull { max },
            Refusal::ServerFull,
        ] {
            assert!(refusal.to_string().len() <= 123, "{refusal}");
            assert!((4000..5000).contains(&refusal.close_code()));
        }
    }
}
