use std::collections::VecDeque;

use huddle_rollback::{InputStatus, Seat, SeatInput};
use huddle_session::Tick;

/// What a game simulated, as it was simulated last.
#[derive(Debug)]
pub(super) struct History<I> {
    first: Tick,
    ticks: VecDeque<Simulated<I>>,
}

/// A tick that was simulated.
#[derive(Debug)]
struct Simulated<I> {
    /// The checksum of the state before it.
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

    /// The checksum of the state before a tick.
    pub(super) fn before(&self, tick: Tick) -> Option<u64> {
        self.get(tick).map(|simulated| simulated.before)
    }

    /// What a seat did in a tick.
    pub(super) fn input(&self, tick: Tick, seat: Seat) -> Option<&SeatInput<I>> {
        self.get(tick)?.seats.get(seat.index())
    }

    /// A tick is simulated, in its turn or again. Says whether that was done before, with other
    /// inputs.
    pub(super) fn simulate(&mut self, tick: Tick, before: u64, seats: &[SeatInput<I>]) -> bool {
        let place = tick.since(self.first);
        let place = usize::try_from(place).expect("what is forgotten is not simulated again");
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

    /// The last tick in which a seat's input was known.
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
