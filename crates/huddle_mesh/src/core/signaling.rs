//! The client side of the signaling connection, as a state machine. It decides when to connect,
//! when a connection is dead, how long to wait before the next attempt, and which errors are final.

use std::time::Duration;

use uuid::Uuid;

use super::Entropy;
use crate::{
    event::{RoomError, Signaling, SignalingLoss},
    room_url::RoomUrl,
    violation::ProtocolViolation,
};

/// The time within which the server must assign an id to the local peer: in the first attempt, and
/// in later ones. The first one is short, so that the player soon reads the reason. The later ones
/// are long enough for a server that is 3 s away, which takes two round trips.
const CONNECT_TIMEOUTS: [Duration; 2] = [Duration::from_secs(10), Duration::from_secs(16)];
/// The wait after the first failure. Each further failure doubles it.
const FIRST_WAIT: Duration = Duration::from_millis(500);
/// The longest wait. It is short, so that the client soon notices that the server is back.
const LONGEST_WAIT: Duration = Duration::from_secs(4);
/// A connection that was open for this time resets the count of failures.
const STEADY_AFTER: Duration = Duration::from_secs(5);
const KEEP_ALIVE_EVERY: Duration = Duration::from_secs(4);
/// If a server that echoes keep-alives is silent for this time, its connection is dead.
const SILENT_AFTER: Duration = Duration::from_secs(10);
/// The same for a connection that is in doubt.
const SILENT_WHEN_DOUBTED: Duration = Duration::from_secs(2);
/// The time within which the server must answer after the network changed. A connection bound to an
/// address that vanished never gets an answer, and one that survived gets it after a round trip. So
/// the client replaces a dead connection immediately, and needs no second connection in parallel.
const ANSWER_AFTER_CHANGE: Duration = Duration::from_millis(500);
/// The same for a connection that is still opening, which takes several round trips.
const OPEN_AFTER_CHANGE: Duration = Duration::from_secs(2);
/// For this time after a network change, a failing link means that the signaling connection is
/// dead, too.
const CHANGE_MATTERS: Duration = Duration::from_secs(5);
/// The maximum time that one step of the local loop adds to the time since a network change.
const MAX_CHECK_STEP: Duration = Duration::from_millis(100);
/// The maximum time that one step of the local loop adds to a silence.
const MAX_STEP: Duration = Duration::from_millis(500);

/// The codes with which `huddle`'s own server closes a connection that it refuses. It uses close
/// codes because a browser hides the HTTP status from the page.
pub(crate) mod close_code {
    pub(crate) const REFUSED: u16 = 4400;
    pub(crate) const NOT_FOUND: u16 = 4404;
    pub(crate) const FULL: u16 = 4429;
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
}

/// An action for the driver to run on the WebSocket.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum SocketAction {
    Connect { url: String, timeout: Duration },
    KeepAlive,
    Close,
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
    /// Stopped, or failed for good.
    Stopped,
}

/// The signaling connection of one room.
#[derive(Debug)]
pub(crate) struct SignalingClient {
    url: RoomUrl,
    /// The group to request when connecting again.
    group: Option<Uuid>,
    state: State,
    failures: u32,
    was_open: bool,
    /// The server has echoed a keep-alive. From now on, its silence means that the connection is
    /// dead.
    echoes: bool,
    doubted: bool,
    /// The time since the network may have changed, if no message has arrived from the server
    /// since.
    unchecked: Option<Duration>,
}

impl SignalingClient {
    pub(crate) fn new(url: RoomUrl) -> Self {
        Self {
            url,
            group: None,
            state: State::Waiting {
                until: Duration::ZERO,
            },
            failures: 0,
            was_open: false,
            echoes: false,
            doubted: false,
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
        &self.url
    }

    /// Sets the room of the same server to which the client reconnects if the connection is lost.
    pub(crate) fn set_url(&mut self, url: RoomUrl) {
        self.url = url;
        self.group = None;
    }

    /// Sets the group to request if the connection is lost.
    pub(crate) fn set_group(&mut self, group: Option<Uuid>) {
        self.group = group;
    }

    /// Moves to another room of the same server.
    pub(crate) fn move_to(&mut self, url: RoomUrl, now: Duration) -> Option<SocketAction> {
        if matches!(self.state, State::Stopped | State::Suspended) {
            return None;
        }
        self.set_url(url);
        let was = std::mem::replace(&mut self.state, State::Waiting { until: now });
        (!matches!(was, State::Waiting { .. })).then_some(SocketAction::Close)
    }

    pub(crate) fn stop(&mut self) -> Option<SocketAction> {
        let was = std::mem::replace(&mut self.state, State::Stopped);
        matches!(was, State::Open { .. } | State::Connecting { .. }).then_some(SocketAction::Close)
    }

    /// Closes the connection until [`Self::resume`].
    #[cfg_attr(not(target_arch = "wasm32"), allow(dead_code))]
    pub(crate) fn suspend(&mut self) -> Option<SocketAction> {
        if self.state == State::Stopped {
            return None;
        }
        let was = std::mem::replace(&mut self.state, State::Suspended);
        matches!(was, State::Open { .. } | State::Connecting { .. }).then_some(SocketAction::Close)
    }

    /// Connects again after [`Self::suspend`].
    #[cfg_attr(not(target_arch = "wasm32"), allow(dead_code))]
    pub(crate) fn resume(&mut self, now: Duration) {
        if self.state == State::Suspended {
            self.failures = 0;
            self.state = State::Waiting { until: now };
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
        self.unchecked = None;
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
        let reason_or_code = |text: String, code: u16| {
            if text.is_empty() {
                format!("code {code}")
            } else {
                text
            }
        };
        let loss = match end {
            // A refusal is final only before the first successful connection. Later, a proxy may
            // refuse connections while the server behind it restarts.
            SocketEnd::Closed(Some(close_code::REFUSED), text) if !self.was_open => {
                return self.give_up(RoomError::Refused(reason_or_code(
                    text,
                    close_code::REFUSED,
                )));
            }
            SocketEnd::Closed(Some(close_code::NOT_FOUND), text) if !self.was_open => {
                return self.give_up(RoomError::NotFound(reason_or_code(
                    text,
                    close_code::NOT_FOUND,
                )));
            }
            // Later, the platform may refuse for a temporary reason.
            SocketEnd::Blocked(text) if !self.was_open => {
                let url = self.url.to_string();
                return self.give_up(RoomError::BlockedByBrowser { url, reason: text });
            }
            SocketEnd::Closed(Some(close_code::FULL), text) => {
                SignalingLoss::Full(reason_or_code(text, close_code::FULL))
            }
            SocketEnd::Unreachable(text) | SocketEnd::Blocked(text) => {
                SignalingLoss::Unreachable(text)
            }
            SocketEnd::NotSignaling(text) => SignalingLoss::NotSignaling(text),
            SocketEnd::Closed(Some(1001 | 1012), _) => SignalingLoss::ShuttingDown,
            SocketEnd::Closed(Some(code), text) => {
                SignalingLoss::Closed(reason_or_code(text, code))
            }
            SocketEnd::Closed(None, text) => SignalingLoss::Closed(text),
            SocketEnd::ProtocolViolation(violation) => SignalingLoss::ProtocolViolation(violation),
        };
        Ok(Some(self.retry(now, loss, entropy)))
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
            State::Suspended | State::Stopped => {}
        }
    }

    /// Returns whether the connection has not survived a network change.
    fn is_cut_off(&mut self, step: Duration) -> bool {
        let Some(unchecked) = &mut self.unchecked else {
            return false;
        };
        *unchecked += step.min(MAX_CHECK_STEP);
        let unchecked = *unchecked;
        match self.state {
            State::Connecting { .. } => unchecked >= OPEN_AFTER_CHANGE,
            State::Open { .. } => {
                if unchecked >= CHANGE_MATTERS {
                    self.unchecked = None;
                }
                // A stock server never echoes, so its silence counts only if links fail at the same
                // time.
                unchecked >= ANSWER_AFTER_CHANGE && (self.echoes || self.doubted)
            }
            _ => false,
        }
    }

    /// Advances the time to `now`. `step` is the time since the last call.
    pub(crate) fn tick(
        &mut self,
        now: Duration,
        step: Duration,
        entropy: &mut Entropy,
    ) -> (Option<SocketAction>, Option<Signaling>) {
        if self.is_cut_off(step) {
            self.failures = 0;
            let (connect, signaling) = self.reconnect(now, SignalingLoss::NetworkChanged);
            return (Some(connect), Some(signaling));
        }
        let timeout = self.connect_timeout();
        match &mut self.state {
            State::Stopped | State::Suspended => (None, None),
            State::Waiting { until } if now >= *until => {
                let first = self.failures == 0 && !self.was_open;
                (
                    Some(self.connect(now)),
                    first.then_some(Signaling::Connecting),
                )
            }
            State::Waiting { .. } => (None, None),
            State::Connecting { since, .. } if now.saturating_sub(*since) < timeout => (None, None),
            State::Connecting { answered, .. } => {
                let seconds = timeout.as_secs();
                let loss = if *answered {
                    let text = format!("it has assigned no id for {seconds} s");
                    SignalingLoss::NotSignaling(text)
                } else {
                    SignalingLoss::Unreachable(format!("no answer for {seconds} s"))
                };
                let signaling = self.retry(now, loss, entropy);
                (Some(SocketAction::Close), Some(signaling))
            }
            State::Open {
                silence, last_sent, ..
            } => {
                *silence += step.min(MAX_STEP);
                let timeout = if self.doubted {
                    SILENT_WHEN_DOUBTED
                } else {
                    SILENT_AFTER
                };
                // A stock server never echoes, so its silence counts only if links fail at the same
                // time.
                if *silence >= timeout && (self.echoes || self.doubted) {
                    let reason = SignalingLoss::Silent(*silence);
                    // The server should announce the new connection before it reports the end of
                    // the old one. Otherwise, peers whose links also fail would treat it as a
                    // departure.
                    if self.doubted {
                        let (connect, signaling) = self.reconnect(now, reason);
                        return (Some(connect), Some(signaling));
                    }
                    let signaling = self.retry(now, reason, entropy);
                    return (Some(SocketAction::Close), Some(signaling));
                }
                let due = if self.doubted {
                    Duration::from_millis(500)
                } else {
                    KEEP_ALIVE_EVERY
                };
                if last_sent.is_none_or(|at| now.saturating_sub(at) >= due) {
                    *last_sent = Some(now);
                    return (Some(SocketAction::KeepAlive), None);
                }
                (None, None)
            }
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
            url: self.url.socket_url(self.group),
            timeout: self.connect_timeout(),
        }
    }

    fn connect_timeout(&self) -> Duration {
        let [first, later] = CONNECT_TIMEOUTS;
        if self.failures == 0 { first } else { later }
    }

    fn give_up(&mut self, error: RoomError) -> Result<Option<Signaling>, RoomError> {
        self.state = State::Stopped;
        Err(error)
    }

    fn retry(&mut self, now: Duration, reason: SignalingLoss, entropy: &mut Entropy) -> Signaling {
        // A server that accepts connections only to fail immediately must not reset the wait.
        if let State::Open { since, .. } = self.state
            && now.saturating_sub(since) >= STEADY_AFTER
        {
            self.failures = 0;
        }
        let doubled = FIRST_WAIT.saturating_mul(1 << self.failures.min(8));
        // Waits between half of the time and all of it, so that the peers of a room do not all
        // reconnect at the same moment.
        let retry_in = doubled
            .min(LONGEST_WAIT)
            .mul_f32(0.5 + 0.5 * entropy.fraction());
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

#[cfg(test)]
mod tests {
    use super::*;

    const STEP: Duration = Duration::from_millis(50);

    fn client() -> (SignalingClient, Entropy) {
        let url = "ws://localhost:3536/room".parse().unwrap();
        (SignalingClient::new(url), Entropy::seeded(1))
    }

    #[test]
    fn waits_grow_up_to_four_seconds() {
        let (mut client, mut entropy) = client();
        let mut now = Duration::ZERO;
        let mut waits = Vec::new();
        for attempt in 1..12 {
            let (action, _) = client.tick(now, STEP, &mut entropy);
            assert!(matches!(action, Some(SocketAction::Connect { .. })));
            let end = SocketEnd::Unreachable("refused".into());
            let Ok(Some(Signaling::Retrying {
                retry_in,
                attempt: reported,
                ..
            })) = client.ended(now, end, &mut entropy)
            else {
                panic!("the client must retry");
            };
            assert_eq!(reported, attempt);
            waits.push(retry_in);
            now += retry_in;
        }
        assert!(waits[0] <= FIRST_WAIT && waits[0] >= FIRST_WAIT / 2);
        assert!(waits.iter().all(|wait| *wait <= LONGEST_WAIT));
        assert!(waits[10] >= LONGEST_WAIT / 2);
    }

    #[test]
    fn refusals_are_final_and_contain_the_reason() {
        for (end, expected) in [
            (
                SocketEnd::Closed(Some(4404), String::new()),
                RoomError::NotFound("code 4404".into()),
            ),
            (
                SocketEnd::Closed(Some(4400), "next=0".into()),
                RoomError::Refused("next=0".into()),
            ),
            (
                SocketEnd::Blocked("insecure".into()),
                RoomError::BlockedByBrowser {
                    url: "ws://localhost:3536/room".into(),
                    reason: "insecure".into(),
                },
            ),
        ] {
            let (mut client, mut entropy) = client();
            client.tick(Duration::ZERO, STEP, &mut entropy);
            assert_eq!(
                client.ended(Duration::ZERO, end, &mut entropy),
                Err(expected)
            );
            let (action, signaling) = client.tick(Duration::from_secs(60), STEP, &mut entropy);
            assert_eq!((action, signaling), (None, None));
        }
    }

    #[test]
    fn dead_connection_is_detected_if_the_server_echoes() {
        for (echoes, expected) in [(true, true), (false, false)] {
            let (mut client, mut entropy) = client();
            client.tick(Duration::ZERO, STEP, &mut entropy);
            client.opened(Duration::ZERO);
            client.message_received(echoes);
            let silent = (0..400).any(|i| {
                let (_, signaling) = client.tick(STEP * i, STEP, &mut entropy);
                matches!(
                    signaling,
                    Some(Signaling::Retrying {
                        reason: SignalingLoss::Silent(_),
                        ..
                    })
                )
            });
            assert_eq!(silent, expected);
        }
    }

    #[test]
    fn server_that_assigns_no_id_is_distinguished_from_an_unreachable_one() {
        for answers in [false, true] {
            let (mut client, mut entropy) = client();
            client.tick(Duration::ZERO, STEP, &mut entropy);
            if answers {
                client.answered();
            }
            let (_, signaling) = client.tick(CONNECT_TIMEOUTS[0], STEP, &mut entropy);
            let Some(Signaling::Retrying { reason, .. }) = signaling else {
                panic!("the client must retry");
            };
            let not_signaling = matches!(reason, SignalingLoss::NotSignaling(_));
            assert_eq!(not_signaling, answers, "{reason}");
        }
    }

    #[test]
    fn connection_that_dies_soon_after_opening_is_detected() {
        let (mut client, mut entropy) = client();
        client.tick(Duration::ZERO, STEP, &mut entropy);
        client.opened(Duration::ZERO);
        // The server answers the keep-alive of the first step, and nothing after that.
        let (action, _) = client.tick(STEP, STEP, &mut entropy);
        client.message_received(action == Some(SocketAction::KeepAlive));
        let noticed = (2..).map(|i| STEP * i).find(|now| {
            let (_, signaling) = client.tick(*now, STEP, &mut entropy);
            signaling.is_some() || *now > SILENT_AFTER * 2
        });
        assert!(noticed <= Some(SILENT_AFTER + 2 * STEP), "{noticed:?}");
    }

    #[test]
    fn connection_that_never_opens_is_closed_and_retried() {
        let (mut client, mut entropy) = client();
        client.tick(Duration::ZERO, STEP, &mut entropy);
        let (action, signaling) = client.tick(CONNECT_TIMEOUTS[0], STEP, &mut entropy);
        assert_eq!(action, Some(SocketAction::Close));
        assert!(matches!(signaling, Some(Signaling::Retrying { .. })));
        let (action, _) = client.tick(CONNECT_TIMEOUTS[0] + LONGEST_WAIT, STEP, &mut entropy);
        assert!(matches!(action, Some(SocketAction::Connect { .. })));
    }
    #[test]
    fn later_attempts_wait_for_a_server_that_is_far_away() {
        const TWO_ROUND_TRIPS: Duration = Duration::from_secs(12);
        let (mut client, mut entropy) = client();
        client.tick(Duration::ZERO, STEP, &mut entropy);
        let (_, signaling) = client.tick(TWO_ROUND_TRIPS, STEP, &mut entropy);
        assert!(matches!(signaling, Some(Signaling::Retrying { .. })));
        let again = TWO_ROUND_TRIPS + LONGEST_WAIT;
        let (action, _) = client.tick(again, STEP, &mut entropy);
        assert!(matches!(action, Some(SocketAction::Connect { .. })));
        let waiting = client.tick(again + TWO_ROUND_TRIPS, STEP, &mut entropy);
        assert_eq!(waiting, (None, None));
    }
}
