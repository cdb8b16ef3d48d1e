//! The tick at which the running match ends, so that the next match can start.

use huddle_session::{PeerId, Tick};

use super::{Start, StartError, message::Running};

impl Start {
    /// Returns whether the running match needs an end, because all players take part in the next match.
    pub(crate) fn needs_end(&self) -> bool {
        self.running == Running::Playing && self.outcome.is_none() && self.has_all()
    }

    /// Proposes a tick at which the running match can end. The local peer simulates no tick from there
    /// on until all players have proposed theirs. `members` are the members of the running match.
    pub(crate) fn set_end(&mut self, tick: Tick, members: &[PeerId]) {
        let members = members.iter().fold(0, |bits, &peer| bits | self.bit(peer));
        let tick = tick.0;
        self.running = Running::Until { tick, members };
        self.send_hellos();
    }

    /// Returns the latest proposed end of the running match, and the player that proposed it.
    pub(crate) fn end(&self) -> Option<(Tick, PeerId)> {
        if matches!(self.outcome, Some(Err(_))) {
            return None;
        }
        let Running::Until { tick, .. } = self.running else {
            return None;
        };
        let own = (tick, self.local_id);
        let group = self.group();
        let named = self
            .others
            .iter()
            .filter_map(|(&peer, other)| match other.hello()?.running {
                Running::Until { tick, .. } if group & self.bit(peer) != 0 => Some((tick, peer)),
                _ => None,
            });
        let (tick, peer) = named.fold(own, |latest, next| match next.0 > latest.0 {
            true => next,
            false => latest,
        });
        Some((Tick(tick), peer))
    }

    /// Returns whether [`end`](Self::end) is final.
    pub(crate) fn has_end(&self) -> bool {
        let mut others = self.others.values();
        self.running.is_settled()
            && others.all(|other| {
                other
                    .hello()
                    .is_some_and(|hello| hello.running.is_settled())
            })
    }

    /// Reports that the running match is confirmed up to its end.
    pub(crate) fn finish(&mut self) {
        if !self.has_finished && self.has_end() {
            self.has_finished = true;
            self.send_hellos();
            self.start_if_ready();
        }
    }

    /// Handles a proposal that the running match cannot reach.
    pub(crate) fn refuse_end(&mut self, peer: PeerId) {
        self.fail(StartError::Inconsistent { peer });
    }

    /// Resets the proposals, because another attempt begins.
    pub(super) fn reopen_end(&mut self) {
        if self.running != Running::No {
            self.running = Running::Playing;
            self.has_finished = false;
        }
    }

    /// Returns the players that share the running match, directly or through other players: two
    /// players share one if each counts the other as a member.
    fn group(&self) -> u16 {
        let members = |peer: &PeerId| {
            let running = match self.others.get(peer) {
                Some(other) => other.hello().map(|hello| hello.running),
                None => Some(self.running),
            };
            match running {
                Some(Running::Until { members, .. }) => members,
                _ => 0,
            }
        };
        let all: Vec<_> = self
            .players
            .iter()
            .map(|peer| (self.bit(peer.to_owned()), members(peer)))
            .collect();
        let mut group = self.bit(self.local_id);
        loop {
            let joins = |&&(bit, members): &&(u16, u16)| {
                let is_mutual = |&(other, theirs): &(u16, u16)| {
                    group & other != 0 && members & other != 0 && theirs & bit != 0
                };
                group & bit == 0 && all.iter().any(is_mutual)
            };
            match all.iter().find(joins) {
                Some((bit, _)) => group |= bit,
                None => return group,
            }
        }
    }
}
