use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use huddle_session::PeerId;

use crate::seat::{MAX_SEATS, Seat, SeatSet};

/// The part of a wait that each simulated tick restores. In lockstep, each tick waits for its inputs, but
/// for a shorter time. A peer that allows less than two ticks per second reaches the disconnect
/// timeout.
const RESTORED: Duration = Duration::from_millis(500);

/// The time by which a wait can exceed the disconnect timeout.
const MORE: Duration = Duration::from_secs(1);

/// The duration of a wait, minus the time that simulated ticks have restored.
#[derive(Debug, Clone, Copy, Default)]
struct Wait(Duration);

impl Wait {
    fn grow(&mut self, passed: Duration, timeout: Duration) {
        self.0 = (self.0.saturating_add(passed)).min(timeout.saturating_add(MORE));
    }

    fn shrink(&mut self) {
        self.0 = self.0.saturating_sub(RESTORED);
    }
}

/// Tracks for which seats a match waits, and for how long.
#[derive(Debug)]
pub(super) struct Waiting {
    /// The disconnect timeout.
    timeout: Duration,
    /// The seats of the last report, and the subset of them whose games are stopped.
    reported: (SeatSet, SeatSet),
    /// The time for which the match has waited.
    total: Duration,
    /// The wait for each seat's inputs.
    each: [Wait; MAX_SEATS],
    /// The time for which the player of each seat was timed_out before the first tick.
    before: [Duration; MAX_SEATS],
    /// The waits for peers that have timed out.
    timed_out: BTreeMap<PeerId, Wait>,
    /// The peers whose games are stopped.
    stopped: BTreeSet<PeerId>,
}

impl Waiting {
    pub(super) fn new(timeout: Duration) -> Self {
        Self {
            timeout,
            reported: Default::default(),
            total: Duration::ZERO,
            each: Default::default(),
            before: Default::default(),
            timed_out: BTreeMap::new(),
            stopped: BTreeSet::new(),
        }
    }

    /// Adds the time of a step in which the inputs of these seats are missing. During a vote, all
    /// members wait for its result, so the time counts only for peers that reached the timeout before.
    pub(super) fn pass(&mut self, missing: SeatSet, passed: Duration, is_deciding: bool) {
        self.total = match missing.is_empty() {
            true => Duration::ZERO,
            false => self.total + passed,
        };
        for ((seat, wait), before) in (0..).map(Seat).zip(&mut self.each).zip(&mut self.before) {
            if missing.contains(seat) {
                wait.grow(std::mem::take(before), self.timeout);
            }
            if missing.is_empty() {
                wait.shrink();
            } else if !missing.contains(seat) {
                // The match waits for another seat.
            } else if is_deciding && wait.0 < self.timeout {
                *wait = Wait::default();
            } else {
                wait.grow(passed, self.timeout);
            }
        }
    }

    /// Sets the time for which the player of a seat was timed_out before the first tick. It counts until
    /// [`first_input`](Self::first_input) is called, and at most for two thirds of the timeout,
    /// because the player may have started late.
    pub(super) fn silent_before(&mut self, seat: Seat, silence: Duration) {
        if let Some(before) = self.before.get_mut(seat.index()) {
            *before = silence.min(self.timeout / 3 * 2);
        }
    }

    /// Reports that the first input of a seat has arrived.
    pub(super) fn first_input(&mut self, seat: Seat) {
        self.silent_before(seat, Duration::ZERO);
    }

    /// Returns whether the wait for a seat has reached the disconnect timeout.
    pub(super) fn is_exhausted(&self, seat: Seat) -> bool {
        let wait = self.each.get(seat.index());
        wait.is_some_and(|wait| wait.0 >= self.timeout)
    }

    /// Records that a peer has timed out. Returns `false` if it had timed out before.
    pub(super) fn give_up(&mut self, peer: PeerId) -> bool {
        let is_new = !self.timed_out.contains_key(&peer);
        self.timed_out.entry(peer).or_insert(Wait(self.timeout));
        is_new
    }

    /// Removes a peer from those that have timed out.
    pub(super) fn forget(&mut self, peer: PeerId) {
        self.timed_out.remove(&peer);
    }

    /// Removes a peer that left.
    pub(super) fn remove(&mut self, peer: PeerId) {
        self.forget(peer);
        self.stopped.remove(&peer);
    }

    /// Returns the peers that timed out and have taken part for a while since then. `has_news` returns
    /// whether new inputs of a peer have arrived since the last step, which was `passed` ago.
    pub(super) fn returned(
        &mut self,
        passed: Duration,
        mut has_news: impl FnMut(PeerId) -> bool,
    ) -> Vec<PeerId> {
        for (&peer, wait) in &mut self.timed_out {
            match has_news(peer) {
                true => wait.shrink(),
                false => wait.grow(passed, self.timeout),
            }
        }
        let enough = self.timeout.saturating_sub(RESTORED);
        let is_enough = |wait: &Wait| wait.0 < enough || wait.0.is_zero();
        let returned = self.timed_out.iter().filter(|(_, wait)| is_enough(wait));
        returned.map(|(&peer, _)| peer).collect()
    }

    /// Sets whether a peer's game is stopped. Returns whether this is a change.
    pub(super) fn set_stopped(&mut self, peer: PeerId, is_stopped: bool) -> bool {
        match is_stopped {
            true => self.stopped.insert(peer),
            false => self.stopped.remove(&peer),
        }
    }

    /// Returns whether a peer's game is stopped.
    pub(super) fn is_stopped(&self, peer: PeerId) -> bool {
        self.stopped.contains(&peer)
    }

    /// Returns the time for which the match has waited.
    pub(super) fn total(&self) -> Duration {
        self.total
    }

    /// Replaces the last report. Returns whether the seats or the reasons have changed.
    pub(super) fn has_changed(&mut self, seats: SeatSet, stopped: SeatSet) -> bool {
        let now = (seats, stopped);
        std::mem::replace(&mut self.reported, now) != now
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use huddle_session::PeerId;

    const STEP: Duration = Duration::from_millis(16);
    const A: Seat = Seat(2);

    /// Waits for a seat for a minute. In one of `one_in` steps, no input is missing.
    fn after_a_minute(one_in: u32, is_deciding: bool) -> Waiting {
        let mut waiting = Waiting::new(Duration::from_secs(5));
        for step in 1..60_000 / 16 {
            let missing = (step % one_in != 0).then_some(A).into_iter().collect();
            waiting.pass(missing, STEP, is_deciding);
        }
        waiting
    }

    #[test]
    fn trickling_inputs_reach_the_timeout() {
        assert!(after_a_minute(50, false).is_exhausted(A));
        assert!(!after_a_minute(20, false).is_exhausted(A));
        assert!(!after_a_minute(50, true).is_exhausted(A));
    }

    #[test]
    fn wait_for_another_seat_restores_nothing() {
        let mut waiting = after_a_minute(1000, false);
        for _ in 0..100 {
            waiting.pass(SeatSet::from_iter([Seat(0)]), STEP, false);
        }
        assert!(waiting.is_exhausted(A));
    }

    #[test]
    fn silence_before_the_first_tick_counts_until_the_first_input() {
        let missing = SeatSet::from_iter([A]);
        for has_input in [false, true] {
            let mut waiting = Waiting::new(Duration::from_secs(5));
            waiting.silent_before(A, Duration::from_secs(4));
            // Predicted ticks restore no part of this time.
            for _ in 0..8 {
                waiting.pass(SeatSet::default(), STEP, false);
            }
            if has_input {
                waiting.first_input(A);
            }
            for _ in 0..2000 / STEP.as_millis() {
                waiting.pass(missing, STEP, false);
            }
            assert_eq!(waiting.is_exhausted(A), !has_input);
        }
    }

    #[test]
    fn timeout_may_be_infinite() {
        let mut waiting = Waiting::new(Duration::MAX);
        waiting.give_up(PeerId::from_bytes([1; 16]));
        waiting.pass(SeatSet::from_iter([A]), STEP, false);
        assert!(!waiting.is_exhausted(A) && waiting.returned(STEP, |_| false).is_empty());
    }

    #[test]
    fn vote_does_not_reset_a_wait_that_reached_the_timeout() {
        let mut waiting = after_a_minute(1000, false);
        waiting.pass(SeatSet::from_iter([A]), STEP, true);
        assert!(waiting.is_exhausted(A));
    }

    #[test]
    fn timed_out_peer_returns_once_it_has_taken_part_for_a_while() {
        let (trickles, plays) = (PeerId::from_bytes([1; 16]), PeerId::from_bytes([2; 16]));
        let mut waiting = Waiting::new(Duration::from_secs(5));
        waiting.give_up(trickles);
        waiting.give_up(plays);
        let mut news = |step: u32| {
            let has_news = |peer| peer == plays || step.is_multiple_of(40);
            waiting.returned(STEP, has_news)
        };
        assert!(news(1).is_empty());
        let returned: Vec<_> = (2..400).flat_map(&mut news).collect();
        assert!(returned.contains(&plays) && !returned.contains(&trickles));
    }
}
