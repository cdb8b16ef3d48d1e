//! The state of the signaling connection.

use std::time::Duration;

use uuid::Uuid;

use super::{
    end::{Meaning, SocketEnd},
    request::Request,
    waits::{self, STEADY_AFTER, Urgency},
};
use crate::{
    config::RoomConfig,
    core::{Entropy, signal::ResumeSecret},
    event::{RoomError, Signaling, SignalingLoss},
    room_url::RoomUrl,
    token::Token,
};

mod tick;

/// An action for the driver to run on the WebSocket.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum SocketAction {
    Connect {
        url: String,
        timeout: Duration,
    },
    KeepAlive,
    /// Close the WebSocket without notice. The server may keep the client's place.
    Close,
    /// Close the WebSocket because the client leaves the room.
    Leave,
}

#[derive(Debug, PartialEq)]
enum State {
    /// Waiting until the next attempt.
    Waiting { until: Duration },
    Connecting {
        since: Duration,
        /// The WebSocket is open, but the server has not assigned an id yet.
        answered: bool,
    },
    Open {
        since: Duration,
        silence: Duration,
        /// The time of the last keep-alive. `None` sends one immediately, to find out whether this
        /// server answers.
        last_sent: Option<Duration>,
    },
    /// The page is kept in the browser's back/forward cache.
    #[cfg_attr(not(target_arch = "wasm32"), allow(dead_code))]
    Suspended,
    /// Waiting for a token. The server does not accept the current one.
    TokenNeeded,
    /// Stopped, or failed for good.
    Stopped,
}

/// The signaling connection of one room.
#[derive(Debug)]
pub(crate) struct SignalingClient {
    request: Request,
    /// The page was suspended while the client waited for a token.
    is_token_rejected: bool,
    state: State,
    failures: u32,
    was_open: bool,
    /// The server has echoed a keep-alive. From now on, its silence means that the connection is
    /// dead.
    echoes: bool,
    doubted: bool,
    /// The server has announced that it restarts, or moves its clients.
    is_restarting: bool,
    /// All links work, so a lost connection is not urgent.
    is_calm: bool,
    /// The time within which calm clients return after the server has restarted.
    spread: Duration,
    /// The time since the network may have changed, if no message has arrived from the server
    /// since.
    unchecked: Option<Duration>,
}

impl SignalingClient {
    pub(crate) fn new(config: &RoomConfig) -> Self {
        Self {
            request: Request::new(config),
            is_token_rejected: false,
            state: State::Waiting {
                until: Duration::ZERO,
            },
            failures: 0,
            was_open: false,
            echoes: false,
            doubted: false,
            is_restarting: false,
            is_calm: false,
            spread: waits::SPREAD,
            unchecked: None,
        }
    }

    pub(crate) fn is_open(&self) -> bool {
        matches!(self.state, State::Open { .. })
    }

    /// Returns whether there is a WebSocket, open or opening.
    pub(crate) fn has_socket(&self) -> bool {
        matches!(self.state, State::Open { .. } | State::Connecting { .. })
    }

    pub(crate) fn url(&self) -> &RoomUrl {
        &self.request.url
    }

    /// Sets the room of the same server to which the client reconnects if the connection is lost.
    pub(crate) fn set_url(&mut self, url: RoomUrl) {
        self.request.set_url(url);
    }

    /// Sets the secret of the client's place, which the client takes again if the connection is lost.
    pub(crate) fn set_place(&mut self, place: ResumeSecret) {
        self.request.place = Some(place);
    }

    /// Sets the time within which calm clients return after the server has restarted. The server
    /// announces it, because it depends on the number of its clients.
    pub(crate) fn set_spread(&mut self, spread: Duration) {
        self.spread = spread.clamp(waits::SHORTEST_SPREAD, waits::SPREAD);
    }

    /// Returns whether the server may keep the client's place after the connection was lost.
    pub(crate) fn has_place(&self) -> bool {
        self.request.place.is_some()
    }

    /// Sets the group to request if the connection is lost.
    pub(crate) fn set_group(&mut self, group: Option<Uuid>) {
        self.request.group = group;
    }

    /// Moves to another room of the same server.
    pub(crate) fn move_to(&mut self, url: RoomUrl, now: Duration) -> Option<SocketAction> {
        if matches!(self.state, State::Stopped | State::Suspended) {
            return None;
        }
        self.set_url(url);
        self.request.place = None;
        if self.state == State::TokenNeeded {
            return None;
        }
        let was = std::mem::replace(&mut self.state, State::Waiting { until: now });
        (!matches!(was, State::Waiting { .. })).then_some(SocketAction::Leave)
    }

    pub(crate) fn stop(&mut self) -> Option<SocketAction> {
        let was = std::mem::replace(&mut self.state, State::Stopped);
        matches!(was, State::Open { .. } | State::Connecting { .. }).then_some(SocketAction::Leave)
    }

    /// Closes the connection until [`Self::resume`].
    #[cfg_attr(not(target_arch = "wasm32"), allow(dead_code))]
    pub(crate) fn suspend(&mut self) -> Option<SocketAction> {
        if self.state == State::Stopped {
            return None;
        }
        self.request.place = None;
        let was = std::mem::replace(&mut self.state, State::Suspended);
        self.is_token_rejected = was == State::TokenNeeded;
        matches!(was, State::Open { .. } | State::Connecting { .. }).then_some(SocketAction::Leave)
    }

    /// Connects again after [`Self::suspend`].
    #[cfg_attr(not(target_arch = "wasm32"), allow(dead_code))]
    pub(crate) fn resume(&mut self, now: Duration) {
        if self.state == State::Suspended {
            self.failures = 0;
            self.state = if std::mem::take(&mut self.is_token_rejected) {
                State::TokenNeeded
            } else {
                State::Waiting { until: now }
            };
        }
    }

    /// Records that the WebSocket is open.
    pub(crate) fn answered(&mut self) {
        if let State::Connecting { answered, .. } = &mut self.state {
            *answered = true;
        }
    }

    /// Records that the server has assigned an id.
    pub(crate) fn opened(&mut self, now: Duration) -> Signaling {
        self.state = State::Open {
            since: now,
            silence: Duration::ZERO,
            last_sent: None,
        };
        self.doubted = false;
        self.is_restarting = false;
        self.unchecked = None;
        // The secret works once, and a server that keeps places sends another one.
        self.request.place = None;
        Signaling::Connected {
            reconnected: std::mem::replace(&mut self.was_open, true),
        }
    }

    /// Records that a message arrived from the server. `echo` is set if it answers a keep-alive.
    pub(crate) fn message_received(&mut self, echo: bool) {
        self.echoes |= echo;
        self.doubted = false;
        self.unchecked = None;
        if let State::Open { silence, .. } = &mut self.state {
            *silence = Duration::ZERO;
        }
    }

    /// Handles the end of the WebSocket. Returns the event to report, or an error if trying again
    /// is pointless.
    pub(crate) fn ended(
        &mut self,
        now: Duration,
        end: SocketEnd,
        entropy: &mut Entropy,
    ) -> Result<Option<Signaling>, RoomError> {
        if !self.has_socket() {
            return Ok(None);
        }
        let end = end.map_text(|text| self.request.without_secrets(&text));
        match end.meaning(self.was_open, &self.request.url) {
            Meaning::Final(error) => {
                self.state = State::Stopped;
                Err(error)
            }
            // The game has set another token in the meantime.
            Meaning::TokenNeeded(reason) if self.request.has_unused_token() => {
                let signaling = self.retry(now, SignalingLoss::Closed(reason), entropy);
                self.hurry(now, entropy);
                Ok(Some(signaling))
            }
            Meaning::TokenNeeded(reason) => {
                self.doubted = false;
                self.failures += 1;
                self.state = State::TokenNeeded;
                Ok(Some(Signaling::TokenNeeded { reason }))
            }
            Meaning::Lost(loss) => {
                if let SignalingLoss::ProtocolViolation(_) = loss {
                    self.request.place = None;
                }
                self.is_restarting |= loss == SignalingLoss::ShuttingDown;
                Ok(Some(self.retry(now, loss, entropy)))
            }
        }
    }

    /// Sets the token for the next attempt. If there is no connection, that attempt follows
    /// immediately, or after a wait if the server has rejected several tokens.
    pub(crate) fn set_token(&mut self, now: Duration, token: Option<Token>) {
        self.request.set_token(token);
        self.is_token_rejected = false;
        match self.state {
            State::TokenNeeded => {
                let wait = match self.failures {
                    0 | 1 => Duration::ZERO,
                    failures => waits::before_attempt(failures - 2, 1.0),
                };
                self.state = State::Waiting { until: now + wait };
            }
            State::Waiting { .. } => self.state = State::Waiting { until: now },
            _ => {}
        }
    }

    /// Sets whether all links work. A client with such links connects again later.
    pub(crate) fn set_calm(&mut self, now: Duration, is_calm: bool, entropy: &mut Entropy) {
        if std::mem::replace(&mut self.is_calm, is_calm) == is_calm || is_calm {
            return;
        }
        self.hurry(now, entropy);
        if let State::Open { silence, .. } = &mut self.state {
            *silence = waits::known_silence(*silence);
        }
    }

    /// Reacts to a peer that is connected to the server: only the local connection was lost, and the
    /// server has not restarted.
    pub(crate) fn server_is_up(&mut self, now: Duration, entropy: &mut Entropy) {
        if !self.is_restarting {
            self.hurry(now, entropy);
        }
    }

    /// Shortens a wait to that of an urgent client.
    fn hurry(&mut self, now: Duration, entropy: &mut Entropy) {
        if let State::Waiting { until } = &mut self.state {
            let failures = self.failures.saturating_sub(1);
            let wait = waits::before_attempt(failures, entropy.fraction());
            *until = (*until).min(now + wait);
        }
    }

    fn urgency(&self) -> Urgency {
        if self.doubted {
            Urgency::Doubted
        } else if self.is_calm && self.unchecked.is_none() {
            Urgency::Calm
        } else {
            Urgency::Urgent
        }
    }

    /// Marks the connection as doubtful, which shortens the tolerated silence.
    pub(crate) fn doubt(&mut self) {
        if std::mem::replace(&mut self.doubted, true) {
            return;
        }
        if let State::Open { silence, .. } = &mut self.state {
            *silence = Duration::ZERO;
        }
    }

    /// Checks an open connection after the network may have changed: the server must answer.
    pub(crate) fn check(&mut self) {
        if let State::Open { last_sent, .. } = &mut self.state {
            *last_sent = None;
            self.unchecked.get_or_insert(Duration::ZERO);
        }
    }

    /// Reacts to a network change. Attempts that failed before may succeed now.
    pub(crate) fn network_changed(&mut self, now: Duration) {
        match &mut self.state {
            State::Waiting { until } => {
                self.failures = 0;
                *until = now;
            }
            State::Connecting { .. } => {
                self.unchecked.get_or_insert(Duration::ZERO);
            }
            State::Open { .. } => self.check(),
            State::Suspended | State::TokenNeeded | State::Stopped => {}
        }
    }

    /// Replaces the connection without waiting.
    fn reconnect(&mut self, now: Duration, reason: SignalingLoss) -> (SocketAction, Signaling) {
        let signaling = Signaling::Retrying {
            reason,
            retry_in: Duration::ZERO,
            attempt: self.failures,
        };
        (self.connect(now), signaling)
    }

    fn connect(&mut self, now: Duration) -> SocketAction {
        self.state = State::Connecting {
            since: now,
            answered: false,
        };
        self.doubted = false;
        self.unchecked = None;
        SocketAction::Connect {
            url: self.request.socket_url(),
            timeout: self.connect_timeout(),
        }
    }

    fn connect_timeout(&self) -> Duration {
        waits::connect_timeout(self.failures)
    }

    fn retry(&mut self, now: Duration, reason: SignalingLoss, entropy: &mut Entropy) -> Signaling {
        let was_open = self.is_open();
        // A server that accepts connections only to fail immediately must not reset the wait.
        if let State::Open { since, .. } = self.state
            && now.saturating_sub(since) >= STEADY_AFTER
        {
            self.failures = 0;
        }
        let retry_in = if self.urgency() == Urgency::Calm {
            waits::before_calm_attempt(was_open, self.spread, entropy.fraction())
        } else {
            waits::before_attempt(self.failures, entropy.fraction())
        };
        self.failures += 1;
        self.doubted = false;
        self.state = State::Waiting {
            until: now + retry_in,
        };
        Signaling::Retrying {
            reason,
            retry_in,
            attempt: self.failures,
        }
    }
}
