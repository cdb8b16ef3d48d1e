//! The end of a match at an agreed tick, and the rematch that follows.

use std::time::Duration;

use huddle_session::{PeerId, Tick};

use super::{HORIZON, RunningMatch};
use crate::{
    inputs::Input,
    membership::{agreement::LeaveReason, start::MatchId},
    session::outbox::Outbox,
};

/// The time from a player's proposal of an end to that end, in seconds. It is about a round-trip time,
/// so that no player has to wait until all proposals have arrived.
const END_AFTER: f64 = 0.25;

impl<I: Input> RunningMatch<I> {
    pub(in crate::session) fn id(&self) -> MatchId {
        self.id
    }

    /// Returns whether a peer has had a seat in the match.
    pub(in crate::session) fn knows(&self, peer: PeerId) -> bool {
        self.seats.seats_of(peer).next().is_some()
    }

    /// Returns whether inputs of all members have arrived. If so, no member still needs messages
    /// about the start of the match.
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

    /// Returns the earliest tick at which the local peer can end the match.
    pub(in crate::session) fn earliest_end(&self) -> Tick {
        let ticks = self.clock.ticks(Duration::from_secs_f64(END_AFTER));
        self.driver.current() + ticks.ceil() as u32
    }

    /// Returns whether the match can end at a tick that another player proposed.
    pub(in crate::session) fn may_end(&self, at: Tick) -> bool {
        let ahead = at.since(self.driver.current());
        ahead >= 0 && ahead.unsigned_abs() <= HORIZON
    }

    /// Sets the first tick that is not part of the match.
    pub(in crate::session) fn set_end(&mut self, end: Option<Tick>) {
        self.end = end;
    }

    /// Returns whether the match is confirmed up to a tick.
    pub(in crate::session) fn is_confirmed(&self, end: Tick) -> bool {
        !end.is_after(self.driver.confirmed())
    }

    /// Leaves the match, because a rematch of `players` starts.
    pub(in crate::session) fn leave_for(
        &mut self,
        players: &[PeerId],
        now: Duration,
        out: &mut Outbox,
    ) {
        let stays = |peer: &PeerId| !players.contains(peer);
        if self.members.iter().any(stays) {
            let mut farewell = Outbox::default();
            self.leave(now, &mut farewell);
            // The players of the rematch need no message: the match ends for them as well.
            out.append(farewell, stays);
        }
    }

    /// Returns the members that have left since the last call.
    pub(in crate::session) fn take_departed(&mut self) -> Vec<PeerId> {
        std::mem::take(&mut self.departed)
    }

    /// Reports that a member has no link to the local peer when the match starts.
    pub(in crate::session) fn without_link(&mut self, peer: PeerId) {
        self.agreement.lost(peer, LeaveReason::Lost);
    }

    /// Reports a new link to a member that had none when the match started.
    pub(in crate::session) fn with_link(&mut self, peer: PeerId) {
        self.agreement.linked(peer);
    }
}
