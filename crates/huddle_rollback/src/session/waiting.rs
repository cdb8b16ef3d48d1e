use std::{collections::BTreeMap, time::Duration};

use huddle_session::PeerId;

use crate::seat::{MAX_SEATS, Seat, SeatSet};

/// How much of a wait each tick forgives that goes on. In lockstep each tick takes as long as inputs
/// do, which is less. Whoever lets the others play less than two ticks a second runs out of their
/// patience.
const FORGIVEN: Duration = Duration::from_millis(500);

/// How much longer than the patience a wait counts.
const MORE: Duration = Duration::from_secs(1);

/// For how long something has been waited for, less what is forgiven.
#[derive(Debug, Clone, Copy, Default)]
struct Wait(Duration);

impl Wait {
    fn grow(&mut self, passed: Duration, patience: Duration) {
        self.0 = (self.0.saturating_add(passed)).min(patience.saturating_add(MORE));
    }

    fn shrink(&mut self) {
        self.0 = self.0.saturating_sub(FORGIVEN);
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
            if missing.is_empty() {
                wait.shrink();
            } else if !missing.contains(seat) {
                // The game waits for somebody else.
            } else if is_deciding && wait.0 < self.patience {
                *wait = Wait::default();
            } else {
                wait.grow(passed, self.patience);
            }
        }
    }

    /// Whether a seat has been waited for too long.
    pub(super) fn is_exhausted(&self, seat: Seat) -> bool {
        let wait = self.each.get(seat.index());
        wait.is_some_and(|wait| wait.0 >= self.patience)
    }

    /// A player is given up; says whether it was not before.
    pub(super) fn give_up(&mut self, peer: PeerId) -> bool {
        let is_new = !self.silent.contains_key(&peer);
        self.silent.entry(peer).or_insert(Wait(self.patience));
        is_new
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
            match has_news(peer) {
                true => wait.shrink(),
                false => wait.grow(passed, self.patience),
            }
        }
        let enough = self.patience.saturating_sub(FORGIVEN);
        let is_enough = |wait: &Wait| wait.0 < enough || wait.0.is_zero();
        let returned = self.silent.iter().filter(|(_, wait)| is_enough(wait));
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
    use huddle_session::PeerId;

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
    fn a_wait_for_somebody_else_forgives_nothing() {
        let mut waiting = after_a_minute(1000, false);
        for _ in 0..100 {
            waiting.pass(SeatSet::from_iter([Seat(0)]), STEP, false);
        }
        assert!(waiting.is_exhausted(A));
    }

    #[test]
    fn the_patience_may_be_endless() {
        let mut waiting = Waiting::new(Duration::MAX);
        waiting.give_up(PeerId::from_bytes([1; 16]));
        waiting.pass(SeatSet::from_iter([A]), STEP, false);
        assert!(!waiting.is_exhausted(A) && waiting.returned(STEP, |_| false).is_empty());
    }

    #[test]
    fn a_vote_does_not_clear_who_was_waited_for_too_long() {
        let mut waiting = after_a_minute(1000, false);
        waiting.pass(SeatSet::from_iter([A]), STEP, true);
        assert!(waiting.is_exhausted(A));
    }

    #[test]
    fn who_was_given_up_returns_by_playing_along_for_a_while() {
        let (drips, plays) = (PeerId::from_bytes([1; 16]), PeerId::from_bytes([2; 16]));
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
