//! Why a WebSocket ended, and what that means for the room.

use crate::{
    event::{RoomError, SignalingLoss},
    room_url::RoomUrl,
    violation::ProtocolViolation,
};

/// The codes with which `huddle`'s own server closes a connection. It refuses connections with
/// codes because a browser hides the HTTP status from the page.
pub(crate) mod close_code {
    pub(crate) const GOING_AWAY: u16 = 1001;
    pub(crate) const RESTART: u16 = 1012;
    pub(crate) const REFUSED: u16 = 4400;
    pub(crate) const TOKEN_NEEDED: u16 = 4401;
    pub(crate) const FORBIDDEN: u16 = 4403;
    pub(crate) const NOT_FOUND: u16 = 4404;
    pub(crate) const FULL: u16 = 4429;
}

/// What the end of a WebSocket means.
#[derive(Debug)]
pub(super) enum Meaning {
    /// Trying again is pointless.
    Final(RoomError),
    /// The client tries again.
    Lost(SignalingLoss),
    /// The client tries again with another token.
    TokenNeeded(String),
}

/// Why a WebSocket ended, as far as the platform reports it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum SocketEnd {
    /// It never opened. Contains the platform's message.
    Unreachable(String),
    /// It never opened, because the endpoint does not support the WebSocket protocol. Browsers do
    /// not report this.
    #[cfg_attr(target_arch = "wasm32", allow(dead_code))]
    NotSignaling(String),
    /// It was open and then closed. Contains the close code, if any, and the reason.
    Closed(Option<u16>, String),
    /// The platform refuses to open it. Contains the platform's message.
    #[cfg_attr(not(target_arch = "wasm32"), allow(dead_code))]
    Blocked(String),
    /// The client closed it because the server violated the protocol.
    ProtocolViolation(ProtocolViolation),
}

impl SocketEnd {
    /// The server does not read the client's messages.
    pub(crate) fn unread() -> Self {
        Self::Closed(
            None,
            "the server does not read the client's messages".to_owned(),
        )
    }

    /// Changes the text of the server or the platform.
    pub(super) fn map_text(self, change: impl FnOnce(String) -> String) -> Self {
        match self {
            Self::Unreachable(text) => Self::Unreachable(change(text)),
            Self::NotSignaling(text) => Self::NotSignaling(change(text)),
            Self::Closed(code, text) => Self::Closed(code, change(text)),
            Self::Blocked(text) => Self::Blocked(change(text)),
            Self::ProtocolViolation(violation) => Self::ProtocolViolation(violation),
        }
    }

    /// Returns what the end means. `was_open` is set if an earlier connection to `url` succeeded.
    pub(super) fn meaning(self, was_open: bool, url: &RoomUrl) -> Meaning {
        let loss = match self {
            // A refusal is final only before the first successful connection. Later, a proxy may
            // refuse connections while the server behind it restarts.
            Self::Closed(Some(close_code::REFUSED), text) if !was_open => {
                let reason = reason_or_code(text, close_code::REFUSED);
                return Meaning::Final(RoomError::Refused(reason));
            }
            Self::Closed(Some(close_code::TOKEN_NEEDED), text) => {
                return Meaning::TokenNeeded(reason_or_code(text, close_code::TOKEN_NEEDED));
            }
            Self::Closed(Some(close_code::FORBIDDEN), text) if !was_open => {
                let reason = reason_or_code(text, close_code::FORBIDDEN);
                return Meaning::Final(RoomError::Forbidden(reason));
            }
            Self::Closed(Some(close_code::NOT_FOUND), text) if !was_open => {
                let reason = reason_or_code(text, close_code::NOT_FOUND);
                return Meaning::Final(RoomError::NotFound(reason));
            }
            // Later, the platform may refuse for a temporary reason.
            Self::Blocked(reason) if !was_open => {
                let url = url.to_string();
                return Meaning::Final(RoomError::BlockedByBrowser { url, reason });
            }
            Self::Closed(Some(close_code::FULL), text) => {
                SignalingLoss::Full(reason_or_code(text, close_code::FULL))
            }
            Self::Unreachable(text) | Self::Blocked(text) => SignalingLoss::Unreachable(text),
            Self::NotSignaling(text) => SignalingLoss::NotSignaling(text),
            Self::Closed(Some(close_code::GOING_AWAY | close_code::RESTART), _) => {
                SignalingLoss::ShuttingDown
            }
            Self::Closed(Some(code), text) => SignalingLoss::Closed(reason_or_code(text, code)),
            Self::Closed(None, text) => SignalingLoss::Closed(text),
            Self::ProtocolViolation(violation) => SignalingLoss::ProtocolViolation(violation),
        };
        Meaning::Lost(loss)
    }
}

fn reason_or_code(text: String, code: u16) -> String {
    if text.is_empty() {
        format!("code {code}")
    } else {
        text
    }
}
