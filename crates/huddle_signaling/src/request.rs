//! The request in a client's URL, and the reasons to refuse it.

use std::num::NonZeroUsize;

use http::{HeaderMap, StatusCode, Uri, header};
use percent_encoding::percent_decode_str;
use uuid::Uuid;

use crate::{
    access::Access,
    close_code,
    config::MAX_NAME_BYTES,
    message::ResumeSecret,
    rooms::{JoinError, JoinRequest, RoomKey},
};

/// The reason why the server refuses a client. Its text is also the reason in a WebSocket close
/// frame, where it can have at most 123 bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Refusal {
    #[error(
        "not found: connect to ws://HOST/ROOM or ws://HOST/GAME/ROOM, where a name has no slash"
    )]
    NotFound,
    #[error("not found: this server needs the name of the game: connect to ws://HOST/GAME/ROOM")]
    AppNeeded,
    #[error("not found: this server does not accept this game. Its host can allow it with --app")]
    UnknownApp,
    #[error("bad room name: use at most 128 bytes of UTF-8")]
    BadName,
    #[error(
        "forbidden: this server does not accept the origin of this page. Its host can allow it"
    )]
    WrongOrigin,
    #[error(
        "too many players with your network address: at most {max} can join, so one must leave first"
    )]
    TooManyClients { max: usize },
    #[error("too many joins from your network address: try again in {seconds} s")]
    TooManyJoins { seconds: u64 },
    #[error("bad ?next=N: N is the number of players in a group, from 1 to {max}")]
    BadNext { max: usize },
    #[error("this room is full: it has {max} players, try another room")]
    RoomFull { max: usize },
    #[error("this server is full: try again in a minute")]
    ServerFull,
    #[error("this server needs a token: ask the game for a new token")]
    TokenMissing,
    #[error("this token has expired: ask the game for a new token")]
    TokenExpired,
    #[error("this token is not valid yet: the clocks of the game's server and of this one differ")]
    TokenEarly,
    #[error("this token is not valid: it is malformed, or no key of this server has signed it")]
    TokenInvalid,
    #[error("this token is for another room or game")]
    TokenForOtherRoom,
    #[error("another client uses this token: try again in a minute")]
    TokenInUse,
    #[error("the server is restarting: connect again")]
    Draining,
    #[error("this server cannot find out which server has this room: try again in a moment")]
    StoreUnavailable,
}

impl Refusal {
    pub(crate) fn from_join_error(
        error: JoinError,
        max_members: usize,
        max_clients: usize,
    ) -> Self {
        match error {
            JoinError::RoomFull => Self::RoomFull { max: max_members },
            JoinError::ServerFull => Self::ServerFull,
            JoinError::TokenExpired => Self::TokenExpired,
            JoinError::TokenInUse => Self::TokenInUse,
            JoinError::TooManyClients => Self::TooManyClients { max: max_clients },
            JoinError::NotOwner => Self::StoreUnavailable,
        }
    }

    pub(crate) fn status(self) -> StatusCode {
        match self {
            Self::NotFound | Self::AppNeeded | Self::UnknownApp => StatusCode::NOT_FOUND,
            Self::BadName | Self::BadNext { .. } => StatusCode::BAD_REQUEST,
            Self::WrongOrigin => StatusCode::FORBIDDEN,
            Self::TooManyClients { .. } | Self::TooManyJoins { .. } => {
                StatusCode::TOO_MANY_REQUESTS
            }
            Self::RoomFull { .. } | Self::ServerFull | Self::Draining | Self::StoreUnavailable => {
                StatusCode::SERVICE_UNAVAILABLE
            }
            Self::TokenMissing | Self::TokenExpired => StatusCode::UNAUTHORIZED,
            Self::TokenEarly | Self::TokenInvalid | Self::TokenForOtherRoom => {
                StatusCode::FORBIDDEN
            }
            Self::TokenInUse => StatusCode::CONFLICT,
        }
    }

    pub(crate) fn close_code(self) -> u16 {
        match self {
            Self::NotFound | Self::AppNeeded | Self::UnknownApp => close_code::NOT_FOUND,
            Self::BadName | Self::BadNext { .. } => close_code::BAD_REQUEST,
            Self::WrongOrigin => close_code::FORBIDDEN,
            Self::TooManyClients { .. }
            | Self::TooManyJoins { .. }
            | Self::RoomFull { .. }
            | Self::ServerFull => close_code::FULL,
            Self::Draining | Self::StoreUnavailable => close_code::SERVICE_RESTART,
            Self::TokenMissing | Self::TokenExpired => close_code::TOKEN_NEEDED,
            Self::TokenEarly | Self::TokenInvalid | Self::TokenForOtherRoom => {
                close_code::FORBIDDEN
            }
            // The token is free when the server notices that its last client is gone.
            Self::TokenInUse => close_code::FULL,
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
        resume: query_value(uri, "resume").and_then(|secret| ResumeSecret::parse(&secret)),
        access: Access::default(),
    })
}

/// Checks that the server accepts the game of a room. Without a list, it accepts every game.
pub(crate) fn check_app(key: &RoomKey, apps: &[String]) -> Result<(), Refusal> {
    if apps.is_empty() || apps.contains(&key.app) {
        Ok(())
    } else if key.app.is_empty() {
        Err(Refusal::AppNeeded)
    } else {
        Err(Refusal::UnknownApp)
    }
}

/// Checks that the client's page may use the server. A client without an origin is not a page.
pub(crate) fn check_origin(headers: &HeaderMap, allowed: &[String]) -> Result<(), Refusal> {
    let is_allowed = |origin: &http::HeaderValue| {
        let mut allowed = allowed.iter().map(String::as_bytes);
        allowed.any(|allowed| allowed.eq_ignore_ascii_case(origin.as_bytes()))
    };
    if allowed.is_empty() || headers.get_all(header::ORIGIN).iter().all(is_allowed) {
        Ok(())
    } else {
        Err(Refusal::WrongOrigin)
    }
}

/// Returns the room that the path and `?next=N` name. The path is `/ROOM` or `/GAME/ROOM`.
pub(crate) fn room_key(uri: &Uri, max_members: usize) -> Result<RoomKey, Refusal> {
    // `GET room` and `OPTIONS *` have no path.
    let path = uri.path().strip_prefix('/').ok_or(Refusal::NotFound)?;
    let (app, name) = match path.split_once('/') {
        None => ("", path),
        Some((app, name)) if app.is_empty() || name.is_empty() || name.contains('/') => {
            return Err(Refusal::NotFound);
        }
        Some(names) => names,
    };
    let (app, name) = (decode_name(app)?, decode_name(name)?);
    let next = query_value(uri, "next")
        .map(|next| match next.parse::<NonZeroUsize>() {
            Ok(size) if size.get() <= max_members => Ok(size),
            _ => Err(Refusal::BadNext { max: max_members }),
        })
        .transpose()?;
    Ok(RoomKey { app, name, next })
}

fn decode_name(segment: &str) -> Result<String, Refusal> {
    let name = percent_decode_str(segment)
        .decode_utf8()
        .map_err(|_| Refusal::BadName)?;
    if name.len() > MAX_NAME_BYTES {
        return Err(Refusal::BadName);
    }
    Ok(name.into_owned())
}

/// Returns the value of a query parameter. If it occurs more than once, the last value counts.
pub(crate) fn query_value(uri: &Uri, key: &str) -> Option<String> {
    form_urlencoded::parse(uri.query()?.as_bytes())
        .filter(|(name, _)| name == key)
        .last()
        .map(|(_, value)| value.into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(uri: &str) -> Result<(String, Option<usize>), Refusal> {
        let key = room_key(&uri.parse().unwrap(), 64)?;
        assert_eq!(key.app, "");
        Ok((key.name, key.next.map(NonZeroUsize::get)))
    }

    fn parse_app(uri: &str) -> Result<(String, String), Refusal> {
        room_key(&uri.parse().unwrap(), 64).map(|key| (key.app, key.name))
    }

    #[test]
    fn room_is_a_path_of_one_segment() {
        assert_eq!(parse("/"), Ok((String::new(), None)));
        assert_eq!(parse("/hello"), Ok(("hello".into(), None)));
        assert_eq!(parse("/caf%C3%A9%2F1"), Ok(("café/1".into(), None)));
    }

    #[test]
    fn room_of_a_game_is_a_path_of_two_segments() {
        let both = |app: &str, name: &str| Ok((app.to_owned(), name.to_owned()));
        assert_eq!(parse_app("/duel/lobby?next=2"), both("duel", "lobby"));
        assert_eq!(parse_app("/caf%C3%A9%2F1/%2F"), both("café/1", "/"));
        for path in [
            "/a/", "//", "//b", "/a/b/", "/a//b", "/a/b/c", "/../a/b", "/a/b/..",
        ] {
            assert_eq!(parse_app(path), Err(Refusal::NotFound), "{path}");
        }
        // These are names, not folders.
        assert_eq!(parse_app("/../b"), both("..", "b"));
        let longest = "x".repeat(128);
        let path = format!("/{longest}/{longest}");
        assert_eq!(parse_app(&path), both(&longest, &longest));
        for path in [format!("/{longest}x/b"), format!("/a/{longest}x")] {
            assert_eq!(parse_app(&path), Err(Refusal::BadName));
        }
        assert_eq!(parse_app("/%ff/b"), Err(Refusal::BadName));
    }

    #[test]
    fn listed_games_exclude_others() {
        let check = |uri: &str, apps: &[&str]| {
            let apps: Vec<_> = apps.iter().map(|app| (*app).to_owned()).collect();
            check_app(&room_key(&uri.parse().unwrap(), 64).unwrap(), &apps)
        };
        for uri in ["/", "/lobby", "/duel/lobby"] {
            assert_eq!(check(uri, &[]), Ok(()), "{uri}");
        }
        assert_eq!(check("/duel/lobby", &["cubes", "duel"]), Ok(()));
        assert_eq!(check("/other/lobby", &["duel"]), Err(Refusal::UnknownApp));
        assert_eq!(check("/Duel/lobby", &["duel"]), Err(Refusal::UnknownApp));
        assert_eq!(check("/duel", &["duel"]), Err(Refusal::AppNeeded));
    }

    #[test]
    fn pages_of_other_origins_are_refused() {
        let check = |origins: &[&str], allowed: &[&str]| {
            let mut headers = HeaderMap::new();
            for origin in origins {
                headers.append(header::ORIGIN, origin.parse().unwrap());
            }
            let allowed: Vec<_> = allowed.iter().map(|origin| (*origin).to_owned()).collect();
            check_origin(&headers, &allowed)
        };
        let game = "https://game.example.com";
        assert_eq!(check(&["https://evil.example"], &[]), Ok(()));
        assert_eq!(check(&[], &[game]), Ok(()));
        assert_eq!(check(&[game], &["https://other.example", game]), Ok(()));
        assert_eq!(check(&["HTTPS://Game.example.com"], &[game]), Ok(()));
        for origins in [
            &["https://evil.example"] as &[&str],
            &["null"],
            &[""],
            &["http://game.example.com"],
            &["https://game.example.com:8443"],
            &["https://game.example.com.evil.example"],
            &[game, "https://evil.example"],
        ] {
            assert_eq!(
                check(origins, &[game]),
                Err(Refusal::WrongOrigin),
                "{origins:?}"
            );
        }
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
            Refusal::AppNeeded,
            Refusal::UnknownApp,
            Refusal::BadName,
            Refusal::WrongOrigin,
            Refusal::TooManyClients { max },
            Refusal::TooManyJoins { seconds: u64::MAX },
            Refusal::BadNext { max },
            Refusal::RoomFull { max },
            Refusal::ServerFull,
            Refusal::TokenMissing,
            Refusal::TokenExpired,
            Refusal::TokenEarly,
            Refusal::TokenInvalid,
            Refusal::TokenForOtherRoom,
            Refusal::TokenInUse,
            Refusal::Draining,
            Refusal::StoreUnavailable,
        ] {
            assert!(refusal.to_string().len() <= 123, "{refusal}");
            assert!(matches!(
                refusal.close_code(),
                close_code::SERVICE_RESTART | 4000..5000
            ));
        }
    }
}
