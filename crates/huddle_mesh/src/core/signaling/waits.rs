//! The times of the signaling connection: how long to wait before an attempt and for an answer.

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
/// A connection that was open for this time resets the count of failures.
pub(super) const STEADY_AFTER: Duration = Duration::from_secs(5);
/// The time between two keep-alives.
const KEEP_ALIVE_EVERY: Duration = Duration::from_secs(4);
/// The same for a connection that is in doubt.
const KEEP_ALIVE_WHEN_DOUBTED: Duration = Duration::from_millis(500);
/// If a server that echoes keep-alives is silent for this time, its connection is dead.
pub(super) const SILENT_AFTER: Duration = Duration::from_secs(10);
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

/// Returns the wait after the given number of failed attempts, which does not include the last
/// one.
///
/// It is between half of the longest wait and all of it, so that the peers of a room do not all
/// reconnect at the same moment. `chance` is a random number in `0.0..1.0`.
pub(super) fn before_attempt(failures: u32, chance: f32) -> Duration {
    let doubled = FIRST_WAIT.saturating_mul(1 << failures.min(8));
    doubled.min(LONGEST_WAIT).mul_f32(0.5 + 0.5 * chance)
}

/// Returns the silence after which a connection is dead.
pub(super) fn tolerated_silence(is_doubted: bool) -> Duration {
    if is_doubted {
        SILENT_WHEN_DOUBTED
    } else {
        SILENT_AFTER
    }
}

/// Returns the time between two keep-alives.
pub(super) fn keep_alive_interval(is_doubted: bool) -> Duration {
    if is_doubted {
        KEEP_ALIVE_WHEN_DOUBTED
    } else {
        KEEP_ALIVE_EVERY
    }
}
