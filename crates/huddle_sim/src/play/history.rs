use std::collections::VecDeque;

use huddle_rollback::{InputStatus, Seat, SeatInput};
use huddle_session::Tick;

/// The ticks that a game simulated. A resimulation replaces the first simulation.
#[derive(Debug)]
pub(super) struct History<I> {
    first: Tick,
    ticks: VecDeque<Simulated<I>>,
}

/// A simulated tick.
#[derive(Debug)]
struct Simulated<I> {
    /// The checksum of the state before the tick.
    before: u64,
    seats: Vec<SeatInput<I>>,
}

impl<I: Clone + PartialEq> History<I> {
    pub(super) fn new() -> Self {
        Self {
            first: Tick(0),
            ticks: VecDeque::new(),
        }
    }

    fn get(&self, tick: Tick) -> Option<&Simulated<I>> {
        let place = usize::try_from(tick.since(self.first)).ok()?;
        self.ticks.get(place)
    }

    pub(super) fn contains(&self, tick: Tick) -> bool {
        self.get(tick).is_some()
    }

    /// Returns the checksum of the state before a tick.
    pub(super) fn before(&self, tick: Tick) -> Option<u64> {
        self.get(tick).map(|simulated| simulated.before)
    }

    /// Returns the input of a seat in a tick.
    pub(super) fn input(&self, tick: Tick, seat: Seat) -> Option<&SeatInput<I>> {
        self.get(tick)?.seats.get(seat.index())
    }

    /// Adds a tick or replaces it. Returns whether the tick was simulated with other inputs before.
    pub(super) fn simulate(&mut self, tick: Tick, before: u64, seats: &[SeatInput<I>]) -> bool {
        let place = tick.since(self.first);
        let place = usize::try_from(place).expect("only remembered ticks are resimulated");
        let Some(known) = self.ticks.get_mut(place) else {
            let seats = seats.to_vec();
            self.ticks.push_back(Simulated { before, seats });
            return false;
        };
        let is_absent = |seat: &SeatInput<I>| seat.status == InputStatus::Disconnected;
        let mut pairs = known.seats.iter().zip(seats);
        let differs = pairs.any(|(a, b)| a.input != b.input || is_absent(a) != is_absent(b));
        known.before = before;
        known.seats.clone_from_slice(seats);
        differs
    }

    /// Returns the last tick in which a seat's input was confirmed.
    pub(super) fn last_confirmed(&self, seat: Seat) -> Option<Tick> {
        let is_confirmed = |simulated: &Simulated<I>| {
            let input = simulated.seats.get(seat.index());
            input.is_some_and(|input| input.status == InputStatus::Confirmed)
        };
        let place = self.ticks.iter().rposition(is_confirmed)?;
        Some(self.first + place as u32)
    }

    pub(super) fn forget_before(&mut self, tick: Tick) {
        while tick.is_after(self.first) && self.ticks.pop_front().is_some() {
            self.first += 1;
        }
    }
}
