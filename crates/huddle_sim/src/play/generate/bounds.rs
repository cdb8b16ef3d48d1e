use std::time::Duration;

use huddle_rollback::MAX_UNACKED;

use crate::play::{
    bounds::{Bounds, SILENCE},
    condition::Condition,
    fault::{Fault, Trouble},
};

/// The time from the last input of a player to its departure: the longest disconnect timeout of a
/// scenario, one second in which the player may turn out to wait itself, and the votes.
const DEPARTURE: Duration = Duration::from_secs(5 + 1 + 1);

/// The maximum depth of the rollbacks of sync tests.
const MAX_SYNC_TEST: u8 = 9;

/// The number of inputs of a seat that a session keeps: those that other players may lack, and twice
/// the longest window with the longest input delay, once to send them and once to resimulate them.
const CALM_INPUTS: usize = 2 * MAX_UNACKED as usize + 128;

/// A window that the network alone does not exceed: 167 ms, which is longer than a packet and its copy
/// take.
const WIDE_WINDOW: u8 = 10;

/// Returns the bounds of a match.
pub(super) fn bounds(condition: Condition, window: u8, seats: usize, faults: &[Fault]) -> Bounds {
    let is_calm = is_calm(condition);
    Bounds {
        start: start(condition),
        may_fail: condition == Condition::Withdrawn,
        may_leave: may_leave(condition),
        may_request: !is_calm,
        wait: wait(condition, faults),
        rate: match is_calm && window >= WIDE_WINDOW {
            true => rate(condition),
            false => 0.0,
        },
        saves: match condition {
            // Without checksums, only what can be resimulated is saved.
            Condition::Unchecked => usize::from(window.max(MAX_SYNC_TEST)) + 2,
            _ => usize::from(window) + 64,
        },
        inputs: seats * if is_calm { CALM_INPUTS } else { 1024 },
        agreement: seats * 1024,
    }
}

/// Returns whether few packets are lost, and all links and machines work.
const fn is_calm(condition: Condition) -> bool {
    matches!(
        condition,
        Condition::Clean
            | Condition::Lossy
            | Condition::Unchecked
            | Condition::Adjusting
            | Condition::Uneven
            | Condition::Hitching
            | Condition::Long
    )
}

const fn may_leave(condition: Condition) -> bool {
    matches!(
        condition,
        Condition::Parting
            | Condition::Vanishing
            | Condition::Withdrawn
            | Condition::Restarting
            | Condition::Hidden
    )
}

/// Returns the maximum time of the start. The start takes three messages. A lost message is sent again after
/// 0.2 s, and then every second.
const fn start(condition: Condition) -> Duration {
    match condition {
        Condition::Bursty => Duration::from_secs(12),
        // A player that vanishes is noticed within 2.1 s of the start.
        _ => Duration::from_secs(5),
    }
}

/// Returns the maximum wait. Several machines may be off or freeze one after the other, without a tick in
/// between.
fn wait(condition: Condition, faults: &[Fault]) -> Duration {
    let off = faults.iter().map(|fault| match fault.what {
        Trouble::Freeze(_, lasts) => lasts,
        Trouble::Restart { takes, .. } => takes,
        _ => Duration::ZERO,
    });
    let off: Duration = off.sum();
    off + match condition {
        // Several links may have bursts one after the other. A player would leave after 5 s.
        Condition::Bursty => Duration::from_secs(5),
        // A partition may begin when another one has ended.
        Condition::Parting | Condition::Vanishing => 2 * SILENCE + Duration::from_secs(4),
        // Each page may stop when the one before it has left.
        Condition::Hidden => DEPARTURE * 2,
        // The links to a machine close after up to 0.6 s, and its departure takes a vote.
        Condition::Restarting | Condition::Withdrawn => Duration::from_secs(3),
        // Until another player relays the inputs.
        Condition::Unlinked => Duration::from_secs(3),
        _ => Duration::from_secs(1),
    }
}

/// Returns the minimum number of ticks per second.
fn rate(condition: Condition) -> f64 {
    60.0 * match condition {
        // 55 of 60 ticks, less the time in which the clocks converge.
        Condition::Uneven => 0.88,
        // 100 ms of each second are lost.
        Condition::Hitching => 0.86,
        _ => 0.95,
    }
}
