//! The times of the signaling connection: how long to wait before an attempt and for an answer.
//!
//! They depend on whether the client is *calm*: all of its links work, so it needs the server only
//! for newcomers. A server may have many thousands of clients. Calm clients therefore take their
//! time, so that a server that restarts does not get all of them at once.

use std::time::Duration;

/// The time within which the server must assign an id to the local peer: in the first attempt, and
/// in later ones. The first one is short, so that the player soon reads the reason. The later ones
/// are long enough for a server that is 3 s away, which takes two round trips.
pub(super) const CONNECT_TIMEOUTS: [Duration; 2] =
    [Duration::from_secs(10), Duration::from_secs(16)];
/// The wait after the first failure. Each further failure doubles it.
pub(super) const FIRST_WAIT: Duration = Duration::from_millis(500);
/// The longest wait. It is short, so that the client soon notices that the server is back.
pub(super) const LONGEST_WAIT: Duration = Duration::from_secs(4);
/// The time after the loss of a connection within which all calm clients try again. Each client
/// chooses a random moment. A server with few clients announces a shorter one.
pub(super) const SPREAD: Duration = Duration::from_secs(30);
/// The shortest spread that a server can announce.
pub(super) const SHORTEST_SPREAD: Duration = Duration::from_secs(2);
/// The shortest wait of a calm client. A restarting server is not back earlier anyway.
const SHORTEST_CALM_WAIT: Duration = Duration::from_secs(1);
/// A connection that was open for this time resets the count of failures.
pub(super) const STEADY_AFTER: Duration = Duration::from_secs(5);
/// The time between two keep-alives.
const KEEP_ALIVE_EVERY: Duration = Duration::from_secs(4);
/// The same for a calm client.
const KEEP_ALIVE_WHEN_CALM: Duration = Duration::from_secs(15);
/// The same for a connection that is in doubt.
const KEEP_ALIVE_WHEN_DOUBTED: Duration = Duration::from_millis(500);
/// If a server that echoes keep-alives is silent for this time, its connection is dead.
pub(super) const SILENT_AFTER: Duration = Duration::from_secs(10);
/// The same for a calm client. Two keep-alives may be lost.
pub(super) const SILENT_WHEN_CALM: Duration = Duration::from_secs(35);
/// The same for a connection that is in doubt.
const SILENT_WHEN_DOUBTED: Duration = Duration::from_secs(2);
/// The time within which the server must answer after the network changed. A connection bound to an
/// address that vanished never gets an answer, and one that survived gets it after a round trip. So
/// the client replaces a dead connection immediately, and needs no second connection in parallel.
pub(super) const ANSWER_AFTER_CHANGE: Duration = Duration::from_millis(500);
/// The same for a connection that is still opening, which takes several round trips.
pub(super) const OPEN_AFTER_CHANGE: Duration = Duration::from_secs(2);
/// For this time after a network change, a failing link means that the signaling connection is
/// dead, too.
pub(super) const CHANGE_MATTERS: Duration = Duration::from_secs(5);
/// The maximum time that one step of the local loop adds to the time since a network change.
pub(super) const MAX_CHECK_STEP: Duration = Duration::from_millis(100);
/// The maximum time that one step of the local loop adds to a silence.
pub(super) const MAX_STEP: Duration = Duration::from_millis(500);

/// Returns the time within which the server must assign an id, after `failures` failed attempts.
pub(super) fn connect_timeout(failures: u32) -> Duration {
    let [first, later] = CONNECT_TIMEOUTS;
    if failures == 0 { first } else { later }
}

/// How urgently a client needs the server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Urgency {
    /// All links of the client work.
    Calm,
    /// The client has no links, or negotiates one.
    Urgent,
    /// A link does not work, so the connection to the server may not work either.
    Doubted,
}

/// Returns the wait of an urgent client after the given number of failed attempts, which does not
/// include the last one.
///
/// It is between half of the longest wait and all of it, so that the peers of a room do not all
/// reconnect at the same moment. `chance` is a random number in `0.0..1.0`.
pub(super) fn before_attempt(failures: u32, chance: f32) -> Duration {
    let doubled = FIRST_WAIT.saturating_mul(1 << failures.min(8));
    doubled.min(LONGEST_WAIT).mul_f32(0.5 + 0.5 * chance)
}

/// Returns the wait of a calm client. `was_open` is set if it has lost an open connection, and not
/// if an attempt failed. `spread` is between [`SHORTEST_SPREAD`] and [`SPREAD`], and `chance` is a
/// random number in `0.0..1.0`.
///
/// The first wait spreads the clients. Later waits are nearly equal, so that they stay spread.
pub(super) fn before_calm_attempt(was_open: bool, spread: Duration, chance: f32) -> Duration {
    if was_open {
        SHORTEST_CALM_WAIT + (spread - SHORTEST_CALM_WAIT).mul_f32(chance)
    } else {
        spread + SHORTEST_CALM_WAIT.mul_f32(chance)
    }
}

/// Returns the silence after which a connection is dead.
pub(super) fn tolerated_silence(urgency: Urgency) -> Duration {
    match urgency {
        Urgency::Calm => SILENT_WHEN_CALM,
        Urgency::Urgent => SILENT_AFTER,
        Urgency::Doubted => SILENT_WHEN_DOUBTED,
    }
}

/// Returns the silence to assume when a calm client becomes urgent. Its last keep-alive may be old,
/// so the server first gets the chance to answer a new one.
pub(super) fn known_silence(silence: Duration) -> Duration {
    silence.min(SILENT_AFTER - KEEP_ALIVE_EVERY)
}

/// Returns the time between two keep-alives.
pub(super) fn keep_alive_interval(urgency: Urgency) -> Duration {
    match urgency {
        Urgency::Calm => KEEP_ALIVE_WHEN_CALM,
        Urgency::Urgent => KEEP_ALIVE_EVERY,
        Urgency::Doubted => KEEP_ALIVE_WHEN_DOUBTED,
    }
}
