//! The request in a client's URL, and the reasons to refuse it.

use std::{num::NonZeroUsize, str::Utf8Error};

use http::{HeaderMap, StatusCode, Uri, header};
use percent_encoding::percent_decode_str;
use uuid::Uuid;

use crate::{
    access::Access,
    close_code,
    config::MAX_NAME_BYTES,
    message::ResumeSecret,
    rooms::{JoinError, JoinRequest, RoomKey},
    settings::{Metadata, SettingsChange},
};

#[cfg(test)]
mod tests;

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
    #[error("bad ?listed=N: N is 1 if the list of rooms should contain the room, otherwise 0")]
    BadListed,
    #[error("bad ?capacity=N: N is the number of players in the room, from 1 to {max}")]
    BadCapacity { max: usize },
    #[error("bad ?metadata=TEXT: use at most 256 bytes of UTF-8")]
    BadMetadata,
    #[error("this room is closed: its players accept no newcomers, try another room")]
    RoomClosed,
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
    pub(crate) fn from_join_error(error: JoinError, max_clients: usize) -> Self {
        match error {
            JoinError::RoomFull { max } => Self::RoomFull { max },
            JoinError::RoomClosed => Self::RoomClosed,
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
            Self::BadName
            | Self::BadNext { .. }
            | Self::BadListed
            | Self::BadCapacity { .. }
            | Self::BadMetadata => StatusCode::BAD_REQUEST,
            Self::WrongOrigin => StatusCode::FORBIDDEN,
            Self::TooManyClients { .. } | Self::TooManyJoins { .. } => {
                StatusCode::TOO_MANY_REQUESTS
            }
            Self::RoomFull { .. }
            | Self::RoomClosed
            | Self::ServerFull
            | Self::Draining
            | Self::StoreUnavailable => StatusCode::SERVICE_UNAVAILABLE,
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
            Self::BadName
            | Self::BadNext { .. }
            | Self::BadListed
            | Self::BadCapacity { .. }
            | Self::BadMetadata => close_code::BAD_REQUEST,
            Self::WrongOrigin => close_code::FORBIDDEN,
            Self::TooManyClients { .. }
            | Self::TooManyJoins { .. }
            | Self::RoomFull { .. }
            | Self::RoomClosed
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
        settings: settings(uri, max_members)?,
        access: Access::default(),
    })
}

/// Parses the settings of a room that the client may create. They have no effect otherwise.
fn settings(uri: &Uri, max_members: usize) -> Result<SettingsChange, Refusal> {
    let listed = query_value(uri, "listed").map(|listed| match listed.as_str() {
        "0" => Ok(false),
        "1" => Ok(true),
        _ => Err(Refusal::BadListed),
    });
    let capacity = query_value(uri, "capacity").map(|capacity| {
        parse_size(&capacity, max_members).ok_or(Refusal::BadCapacity { max: max_members })
    });
    let metadata = text_value(uri, "metadata").map(|text| {
        let metadata = text.ok().map(Metadata::try_from);
        metadata.and_then(Result::ok).ok_or(Refusal::BadMetadata)
    });
    Ok(SettingsChange {
        open: None,
        listed: listed.transpose()?,
        capacity: capacity.transpose()?,
        metadata: metadata.transpose()?,
    })
}

/// Parses a number of players from 1 to `max`.
fn parse_size(text: &str, max: usize) -> Option<NonZeroUsize> {
    let size = text.parse::<NonZeroUsize>().ok();
    size.filter(|size| size.get() <= max)
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
        .map(|next| parse_size(&next, max_members).ok_or(Refusal::BadNext { max: max_members }))
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

/// Returns the value of a query parameter like [`query_value`], or an error if it is not UTF-8.
pub(crate) fn text_value(uri: &Uri, key: &str) -> Option<Result<String, Utf8Error>> {
    let is_named = |pair: &&str| {
        let mut pairs = form_urlencoded::parse(pair.as_bytes());
        pairs.next().is_some_and(|(name, _)| name == key)
    };
    let pair = uri.query()?.split('&').rfind(is_named)?;
    let value = pair.split_once('=').map_or("", |(_, value)| value);
    let value = value.replace('+', " ");
    let text = percent_decode_str(&value).decode_utf8();
    Some(text.map(|text| text.into_owned()))
}
