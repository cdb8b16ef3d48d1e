//! How a match ends at an agreed tick, and how another one follows.

use std::time::Duration;

use huddle_session::{PeerId, Tick};

use super::{HORIZON, RunningMatch};
use crate::{
    inputs::Input,
    membership::{agreement::LeaveReason, start::MatchId},
    session::outbox::Outbox,
};

/// How many seconds ahead a player proposes the end of a match: about a round trip, so that no player
/// has to wait until all have proposed theirs.
const END_AFTER: f64 = 0.25;

impl<I: Input> RunningMatch<I> {
    pub(in crate::session) fn id(&self) -> MatchId {
        self.id
    }

    pub(in crate::session) fn has_member(&self, peer: PeerId) -> bool {
        self.members.contains(&peer)
    }

    /// Returns whether a peer has had a seat in the match.
    pub(in crate::session) fn knows(&self, peer: PeerId) -> bool {
        self.seats.seats_of(peer).next().is_some()
    }

    /// Returns whether inputs of all members have arrived. No member then needs a message about the
    /// start of the match.
    pub(in crate::session) fn has_begun(&self) -> bool {
        let has_input = |seat| {
            self.seats
                .log(seat)
                .is_some_and(|log| log.next() != Tick(0))
        };
        self.countdown.is_none()
            && self
                .members
                .iter()
                .flat_map(|&peer| self.seats.seats_of(peer))
                .all(has_input)
    }

    /// Returns the tick at which this player can end the match.
    pub(in crate::session) fn earliest_end(&self) -> Tick {
        let ticks = self.clock.ticks(Duration::from_secs_f64(END_AFTER));
        self.driver.current() + ticks.ceil() as u32
    }

    /// Returns whether the match can end at a tick of which another player says so.
    pub(in crate::session) fn may_end(&self, at: Tick) -> bool {
        let ahead = at.since(self.driver.current());
        ahead >= 0 && ahead.unsigned_abs() <= HORIZON
    }

    /// Sets the first tick that is not simulated.
    pub(in crate::session) fn set_end(&mut self, end: Option<Tick>) {
        self.end = end;
    }

    /// Returns whether the match is confirmed up to a tick.
    pub(in crate::session) fn is_confirmed(&self, end: Tick) -> bool {
        !end.is_after(self.driver.confirmed())
    }

    /// Ends the match, which `players` follow with another one.
    pub(in crate::session) fn leave_for(
        &mut self,
        players: &[PeerId],
        now: Duration,
        out: &mut Outbox,
    ) {
        let plays_on = |peer: &PeerId| !players.contains(peer);
        if self.members.iter().any(plays_on) {
            let mut farewell = Outbox::default();
            self.leave(now, &mut farewell);
            // The others need no message: they have got here as well.
            out.append(farewell, plays_on);
        }
    }

    /// Returns the members that have left since the last call.
    pub(in crate::session) fn take_departed(&mut self) -> Vec<PeerId> {
        std::mem::take(&mut self.departed)
    }

    /// A member has no link to this player when the match starts, only to other members.
    pub(in crate::session) fn without_link(&mut self, peer: PeerId) {
        self.agreement.lost(peer, LeaveReason::Lost);
    }

    /// A member that had no link when the match started has one.
    pub(in crate::session) fn with_link(&mut self, peer: PeerId) {
        self.agreement.linked(peer);
    }
}
