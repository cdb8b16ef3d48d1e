//! The end of a match for players without a seat in the next one.
//!
//! The host calls a match for all players in the room. Members of the running match that have a seat in it leave the
//! running match at an agreed tick. The other members end it when the inputs of those seats end.

use std::time::Duration;

use huddle_mesh::PeerId;
use huddle_session::Tick;

/// The maximum time between the call of a match and a departure for that match, in either order. A match that has not
/// started by then has failed to start, so the running match continues.
const MAX_DELAY: Duration = Duration::from_secs(20);

/// A match without the local player, and the members of the running match that have left for it.
#[derive(Default)]
pub(crate) struct Replacement {
    /// The players of the match that was called last, and the time of the call.
    call: Option<(Vec<PeerId>, Duration)>,
    departures: Vec<Departure>,
}

/// A player that has left the running match.
struct Departure {
    peer_id: PeerId,
    /// The first tick without the player.
    at_tick: Tick,
    time: Duration,
}

impl Replacement {
    /// Records the call of a match without the local player.
    pub(crate) fn called(&mut self, players: Vec<PeerId>, now: Duration) {
        self.call = Some((players, now));
    }

    /// Returns whether a match without the local player has been called.
    pub(crate) fn is_called(&self) -> bool {
        self.call.is_some()
    }

    /// Records that a player has left the running match. The call may arrive later.
    pub(crate) fn departed(&mut self, peer_id: PeerId, at_tick: Tick, now: Duration) {
        self.departures.push(Departure {
            peer_id,
            at_tick,
            time: now,
        });
    }

    /// Returns the first tick that is not part of the running match, once all members with a seat in the next match
    /// have left. Returns `None` if there are no such members, because a match of other players continues.
    pub(crate) fn end(&self, members: &[PeerId]) -> Option<Tick> {
        let (players, called) = self.call.as_ref()?;
        if members.iter().any(|member| players.contains(member)) {
            return None;
        }
        let departed = self.departures.iter().filter(|departure| {
            players.contains(&departure.peer_id) && departure.time.abs_diff(*called) <= MAX_DELAY
        });
        let ends = departed.map(|departure| departure.at_tick);
        ends.max_by_key(|end| end.0)
    }
}
