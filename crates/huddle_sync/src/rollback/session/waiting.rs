use std::{collections::BTreeMap, time::Duration};

use crate::{
    PeerId,
    rollback::{MAX_SEATS, Seat, SeatSet},
};

/// How much of a wait each step forgives that need not wait. In lockstep each tick takes as long as
/// inputs do, which is less. Whoever lets the others play less than two ticks a second runs out of
/// their patience.
const FORGIVEN: Duration = Duration::from_millis(500);

/// For how long something has been waited for, less what is forgiven; at most the patience.
#[derive(Debug, Clone, Copy, Default)]
struct Wait(Duration);

impl Wait {
    fn pass(&mut self, is_missing: bool, passed: Duration, patience: Duration) {
        self.0 = match is_missing {
            true => (self.0 + passed).min(patience),
            false => self.0.saturating_sub(FORGIVEN),
        };
    }
}

/// For whom the game waits, and for how long it has.
#[derive(Debug)]
pub(super) struct Waiting {
    patience: Duration,
    seats: SeatSet,
    /// For how long the game has waited for anybody.
    total: Duration,
    /// For each seat's inputs.
    each: [Wait; MAX_SEATS],
    /// For inputs from those who were given up.
    silent: BTreeMap<PeerId, Wait>,
}

impl Waiting {
    pub(super) fn new(patience: Duration) -> Self {
        Self {
            patience,
            seats: SeatSet::default(),
            total: Duration::ZERO,
            each: Default::default(),
            silent: BTreeMap::new(),
        }
    }

    /// Time passes while the inputs of these seats are missing. While a vote is under way everybody
    /// waits for it, and nobody is to blame who was not before.
    pub(super) fn pass(&mut self, missing: SeatSet, passed: Duration, is_deciding: bool) {
        self.total = match missing.is_empty() {
            true => Duration::ZERO,
            false => self.total + passed,
        };
        for (seat, wait) in (0..).map(Seat).zip(&mut self.each) {
            let is_missing = missing.contains(seat);
            match is_missing && is_deciding && wait.0 < self.patience {
                true => *wait = Wait::default(),
                false => wait.pass(is_missing, passed, self.patience),
            }
        }
    }

    /// Whether a seat has been waited for too long.
    pub(super) fn is_exhausted(&self, seat: Seat) -> bool {
        let wait = self.each.get(seat.index());
        wait.is_some_and(|wait| wait.0 >= self.patience)
    }

    /// A player is given up.
    pub(super) fn give_up(&mut self, peer: PeerId) {
        self.silent.entry(peer).or_insert(Wait(self.patience));
    }

    /// What was held against a player counts no more.
    pub(super) fn forget(&mut self, peer: PeerId) {
        self.silent.remove(&peer);
    }

    /// Who was given up and has played along for a while since, by whether new inputs came from each
    /// in the time that has passed.
    pub(super) fn returned(
        &mut self,
        passed: Duration,
        mut has_news: impl FnMut(PeerId) -> bool,
    ) -> Vec<PeerId> {
        for (&peer, wait) in &mut self.silent {
            wait.pass(!has_news(peer), passed, self.patience);
        }
        let enough = self.patience * 3 / 4;
        let returned = self.silent.iter().filter(|(_, wait)| wait.0 <= enough);
        returned.map(|(&peer, _)| peer).collect()
    }

    /// For how long the game has waited.
    pub(super) fn total(&self) -> Duration {
        self.total
    }

    /// Says whether it waits for others than before.
    pub(super) fn changed(&mut self, seats: SeatSet) -> bool {
        std::mem::replace(&mut self.seats, seats) != seats
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::test_peer;

    const STEP: Duration = Duration::from_millis(16);
    const A: Seat = Seat(2);

    /// In one of so many steps the seat is not waited for.
    fn after_a_minute(one_in: u32, is_deciding: bool) -> Waiting {
        let mut waiting = Waiting::new(Duration::from_secs(5));
        for step in 1..60_000 / 16 {
            let missing = (step % one_in != 0).then_some(A).into_iter().collect();
            waiting.pass(missing, STEP, is_deciding);
        }
        waiting
    }

    #[test]
    fn inputs_that_drip_exhaust_the_patience() {
        assert!(after_a_minute(50, false).is_exhausted(A));
        assert!(!after_a_minute(20, false).is_exhausted(A));
        assert!(!after_a_minute(50, true).is_exhausted(A));
    }

    #[test]
    fn a_vote_does_not_clear_who_was_waited_for_too_long() {
        let mut waiting = after_a_minute(1000, false);
        waiting.pass(SeatSet::from_iter([A]), STEP, true);
        assert!(waiting.is_exhausted(A));
    }

    #[test]
    fn who_was_given_up_returns_by_playing_along_for_a_while() {
        let (drips, plays) = (test_peer(1), test_peer(2));
        let mut waiting = Waiting::new(Duration::from_secs(5));
        waiting.give_up(drips);
        waiting.give_up(plays);
        let mut news = |step: u32| {
            let has_news = |peer| peer == plays || step.is_multiple_of(40);
            waiting.returned(STEP, has_news)
        };
        assert!(news(1).is_empty());
        let returned: Vec<_> = (2..400).flat_map(&mut news).collect();
        assert!(returned.contains(&plays) && !returned.contains(&drips));
    }
}
