//! Decides what a game simulates: which ticks, with which inputs, what it saves and what it loads.
//!
//! **What happens when a packet with late inputs arrives?** Its inputs are appended to the log of
//! their seat ([`Driver::append`]). Each is compared with the guess that was simulated in its place.
//! The first tick of any seat that was simulated with another input is remembered as *wrong*, and
//! everything from there on is simulated again before the game goes on ([`Driver::begin`]): the newest
//! save before it is loaded, and the ticks up to the present run once more, with the inputs known by
//! now and new guesses for the rest. If all guesses were right, nothing happens but that more ticks
//! are *confirmed*. Late inputs never reach further back than that, because no tick is simulated
//! whose inputs are unknown for more than the prediction window: until then the game waits
//! ([`Driver::missing`]).

mod request;
mod saves;
mod seat_log;
#[cfg(test)]
mod tests;

use huddle_session::Tick;

use crate::{
    predict::Predict,
    seat::{Seat, SeatSet},
};

pub use self::{
    request::{Frame, Request},
    seat_log::{InputStatus, SeatInput},
};

use self::{saves::Saves, seat_log::SeatLog};

/// How a driver predicts and saves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct DriverSettings {
    /// How many ticks beyond the last confirmed one may be simulated.
    pub(crate) window: u8,
    /// The most ticks from one save to the next.
    pub(crate) save_every: u8,
    /// Of every how many ticks a checksum is wanted; 0 for none.
    pub(crate) checksum_every: u16,
}

/// What to do next, from the inputs that are known.
///
/// A tick is *confirmed* when all inputs of it are known.
pub(crate) struct Driver<I> {
    seats: Vec<SeatLog<I>>,
    predict: Box<dyn Predict<I>>,
    settings: DriverSettings,
    /// The tick that is simulated next for the first time.
    current: Tick,
    /// The first tick that has been simulated with an input that proved wrong.
    wrong: Option<Tick>,
    saves: Saves,
    /// The next tick whose checksum is wanted.
    next_checksum: Tick,
    plan: Plan,
    frame: Vec<SeatInput<I>>,
}

/// What is left to do of a step.
#[derive(Debug, Default)]
struct Plan {
    load: Option<Tick>,
    /// The next tick to simulate.
    cursor: Tick,
    /// The tick after the last to simulate.
    end: Tick,
    /// Up to which tick this is a repetition.
    repeated_until: Tick,
}

/// What a step is going to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Begun {
    /// How many ticks are simulated again.
    pub(crate) repeated: u32,
    /// Whether a new tick is simulated.
    pub(crate) is_new: bool,
}

impl<I: Clone + PartialEq + Default> Driver<I> {
    pub(crate) fn new(
        seats: usize,
        predict: Box<dyn Predict<I>>,
        settings: DriverSettings,
    ) -> Self {
        Self {
            seats: (0..seats).map(|_| SeatLog::new()).collect(),
            predict,
            settings,
            current: Tick(0),
            wrong: None,
            saves: Saves::default(),
            next_checksum: Tick(settings.checksum_every.into()),
            plan: Plan::default(),
            frame: (0..seats).map(|_| SeatInput::default()).collect(),
        }
    }

    /// The tick that is simulated next.
    pub(crate) fn current(&self) -> Tick {
        self.current
    }

    /// The first tick that is not confirmed; never after the one simulated next.
    pub(crate) fn confirmed(&self) -> Tick {
        self.known_until()
            .map_or(self.current, |known| earlier(known, self.current))
    }

    /// The first tick of which not all inputs are known; `None` if nobody plays any more.
    fn known_until(&self) -> Option<Tick> {
        self.seats
            .iter()
            .filter_map(SeatLog::next_unknown)
            .reduce(earlier)
    }

    /// The first tick whose input of a seat is not known.
    pub(crate) fn next_input(&self, seat: Seat) -> Option<Tick> {
        self.seats.get(seat.index())?.next_unknown()
    }

    /// Takes the input of a seat's next tick.
    pub(crate) fn append(&mut self, seat: Seat, input: I) {
        let wrong = self
            .seats
            .get_mut(seat.index())
            .and_then(|log| log.append(input));
        self.note_wrong(wrong);
    }

    /// Nobody plays a seat from a tick on, up to which its inputs are known.
    pub(crate) fn finish(&mut self, seat: Seat, end: Tick) {
        let wrong = self
            .seats
            .get_mut(seat.index())
            .and_then(|log| log.finish(end));
        self.note_wrong(wrong);
    }

    fn note_wrong(&mut self, tick: Option<Tick>) {
        if let Some(tick) = tick.filter(|tick| self.current.is_after(*tick)) {
            self.wrong = Some(self.wrong.map_or(tick, |wrong| earlier(wrong, tick)));
        }
    }

    /// The seats whose inputs must be known before the next tick can be simulated.
    pub(crate) fn missing(&self) -> SeatSet {
        let window = u32::from(self.settings.window);
        let is_missing = |log: &SeatLog<I>| {
            // All before `next` is known, so ticks up to `window` beyond `next - 1` may be simulated.
            log.next_unknown()
                .is_some_and(|next| self.current.since(next) >= window as i32)
        };
        self.seats
            .iter()
            .enumerate()
            .filter(|(_, log)| is_missing(log))
            .map(|(i, _)| Seat(i as u8))
            .collect()
    }

    /// Begins a step: what proved wrong is simulated again, and after it the next tick if `advance`
    /// says so and no seat is [missing](Self::missing). Ask [`request`](Self::request) for what to do.
    pub(crate) fn begin(&mut self, advance: bool) -> Begun {
        let is_new = advance && self.missing().is_empty();
        let mut cursor = self.current;
        let wrong = self.wrong.take();
        let load = wrong.and_then(|wrong| self.saves.newest_until(wrong));
        debug_assert_eq!(
            wrong.is_some(),
            load.is_some(),
            "what may be wrong has been saved"
        );
        if let (Some(wrong), Some(load)) = (wrong, load) {
            self.saves.release_after(wrong);
            cursor = load;
        }
        self.plan = Plan {
            load,
            cursor,
            end: self.current + u32::from(is_new),
            repeated_until: self.current,
        };
        Begun {
            repeated: self.current.since(cursor) as u32,
            is_new,
        }
    }

    /// What is to be done next in this step; `None` when it is over. `kept` says which saves are
    /// still needed for comparisons.
    pub(crate) fn request(&mut self, kept: impl Fn(Tick) -> bool) -> Option<Request<'_, I>> {
        if let Some(tick) = self.saves.pop_released() {
            return Some(Request::Release { tick });
        }
        if let Some(tick) = self.plan.load.take() {
            return Some(Request::Load { tick });
        }
        let tick = self.plan.cursor;
        if self.plan.end.is_after(tick) {
            if self.is_save_due(tick) {
                self.saves.insert(tick);
                return Some(Request::Save { tick });
            }
            return Some(self.simulate(tick));
        }
        if let Some(tick) = self.checksum_due() {
            self.next_checksum += u32::from(self.settings.checksum_every);
            return Some(Request::Checksum { tick });
        }
        self.forget(kept);
        self.saves
            .pop_released()
            .map(|tick| Request::Release { tick })
    }

    /// Forgets what no rollback needs any more.
    fn forget(&mut self, kept: impl Fn(Tick) -> bool) {
        let confirmed = self.confirmed();
        let next_checksum = self.next_checksum;
        let every = u32::from(self.settings.checksum_every);
        let is_checksummed = |tick: Tick| every > 0 && tick.0.is_multiple_of(every);
        let kept = |tick| tick == next_checksum || is_checksummed(tick) && kept(tick);
        self.saves.release_before(confirmed, kept);
        // A rollback may begin at a save that lies before the first tick that can be wrong.
        let from = self.saves.newest_until(confirmed).unwrap_or(confirmed);
        for log in &mut self.seats {
            log.forget_before(from);
        }
    }

    fn simulate(&mut self, tick: Tick) -> Request<'_, I> {
        self.plan.cursor += 1;
        self.current = later(self.current, self.plan.cursor);
        for (log, input) in self.seats.iter_mut().zip(&mut self.frame) {
            log.simulate(tick, &*self.predict, input);
        }
        Request::Advance(Frame {
            tick,
            inputs: &self.frame,
            is_repeated: self.plan.repeated_until.is_after(tick),
        })
    }

    /// Only what might have to be simulated again is worth saving, and what a checksum is wanted of.
    fn is_save_due(&self, tick: Tick) -> bool {
        if self.saves.contains(tick) {
            return false;
        }
        if self.is_checksummed(tick) {
            return true;
        }
        let is_certain = self.known_until().is_none_or(|known| known.is_after(tick));
        let last = self.saves.newest_until(tick);
        let is_recent = last.is_some_and(|last| tick.since(last) < self.settings.save_every.into());
        !is_certain && !is_recent
    }

    fn is_checksummed(&self, tick: Tick) -> bool {
        self.settings.checksum_every > 0
            && tick.since(self.next_checksum) >= 0
            && tick.0.is_multiple_of(self.settings.checksum_every.into())
    }

    /// The tick whose checksum is final: what is before it is confirmed, and it has been reached.
    fn checksum_due(&self) -> Option<Tick> {
        let tick = self.next_checksum;
        let is_final = !tick.is_after(self.confirmed()) && self.saves.contains(tick);
        (self.settings.checksum_every > 0 && is_final).then_some(tick)
    }

    /// How many inputs are kept, known ones and guesses.
    pub(crate) fn kept(&self) -> usize {
        self.seats.iter().map(SeatLog::len).sum()
    }

    /// How many states are saved now.
    pub(crate) fn saved(&self) -> usize {
        self.saves.len()
    }
}

pub(crate) fn earlier(a: Tick, b: Tick) -> Tick {
    if a.is_after(b) { b } else { a }
}

pub(crate) fn later(a: Tick, b: Tick) -> Tick {
    if a.is_after(b) { a } else { b }
}
