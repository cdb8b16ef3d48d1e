//! The timeline of a match: which ticks are simulated, with which inputs, and which states are saved
//! and loaded.
//!
//! **What happens when a packet with late inputs arrives?**
//!
//! 1. Its inputs are appended to the log of their seat ([`Driver::append`]), and compared with the
//!    predictions that were simulated instead of them.
//! 2. The first tick of any seat that was simulated with another input is noted as *mispredicted*.
//! 3. The next step ([`Driver::begin`]) loads the newest save before that tick. It resimulates all
//!    ticks from there to the current one, with the inputs that are now known and new predictions
//!    for the others.
//! 4. If all predictions were right, no rollback takes place. More ticks are *confirmed*, which means
//!    that all of their inputs are known.
//!
//! A rollback is limited, because a tick is simulated only if each seat's first unknown input is less
//! than the prediction window away. Otherwise, the match waits ([`Driver::missing`]).
//!
//! A step is a list of [`Request`]s that the caller takes one by one ([`Driver::request`]) until there
//! are none. A new step cannot start before that.

mod checksums;
mod order;
mod plan;
mod predict;
mod request;
mod saves;
mod seat_log;
mod sync_test;
#[cfg(test)]
mod tests;

pub use self::predict::{Decay, Predict, PredictDefault, RepeatLast};

use huddle_session::Tick;

use crate::seat::{Seat, SeatSet};

pub use self::{
    request::{Frame, Request},
    seat_log::{InputStatus, SeatInput},
    sync_test::SyncMismatch,
};

use self::{
    order::{earlier, later},
    plan::{Detour, Plan},
    saves::Saves,
    seat_log::SeatLog,
    sync_test::SyncTest,
};

/// The settings of a driver.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct DriverSettings {
    /// The prediction window, in ticks.
    pub(crate) window: u8,
    /// The maximum number of ticks from one save to the next.
    pub(crate) save_every: u8,
    /// The number of ticks from one checksum to the next; 0 for no checksums.
    pub(crate) checksum_every: u16,
    /// The longest forced rollback and the seed of a sync test.
    pub(crate) sync_test: Option<(u8, u64)>,
}

/// Decides which ticks to simulate, and which states to save and load.
pub(crate) struct Driver<I> {
    seats: Vec<SeatLog<I>>,
    predict: Box<dyn Predict<I>>,
    settings: DriverSettings,
    /// The tick that is simulated next for the first time.
    current: Tick,
    /// The first tick that was simulated with a wrong prediction.
    mispredicted: Option<Tick>,
    saves: Saves,
    /// The next tick that is reported as confirmed.
    next_confirmed: Tick,
    /// The next tick whose checksum is requested.
    next_checksum: Tick,
    has_checksums: bool,
    sync_test: Option<SyncTest>,
    plan: Plan,
    frame: Vec<SeatInput<I>>,
}

/// What a step does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Begun {
    /// The number of resimulated ticks.
    pub(crate) resimulated: u32,
    /// Whether a new tick is simulated.
    pub(crate) is_new: bool,
}

impl<I: Clone + PartialEq + Default> Driver<I> {
    pub(crate) fn new(
        seats: usize,
        predict: Box<dyn Predict<I>>,
        settings: DriverSettings,
    ) -> Self {
        let sync_test = settings.sync_test;
        Self {
            seats: (0..seats).map(|_| SeatLog::new()).collect(),
            predict,
            settings,
            current: Tick(0),
            mispredicted: None,
            saves: Saves::default(),
            next_confirmed: Tick(0),
            next_checksum: Tick(settings.checksum_every.into()),
            has_checksums: settings.checksum_every > 0,
            sync_test: sync_test.map(|(max_depth, seed)| SyncTest::new(max_depth, seed)),
            plan: Plan::default(),
            frame: (0..seats).map(|_| SeatInput::default()).collect(),
        }
    }

    /// Returns the next tick to simulate.
    pub(crate) fn current(&self) -> Tick {
        self.current
    }

    /// Returns the first tick that is not confirmed, but at most the current one.
    pub(crate) fn confirmed(&self) -> Tick {
        self.known_until()
            .map_or(self.current, |known| earlier(known, self.current))
    }

    /// Returns the tick before which all ticks are confirmed, and were simulated with their final inputs.
    fn final_until(&self) -> Tick {
        let confirmed = self.confirmed();
        self.mispredicted
            .map_or(confirmed, |tick| earlier(tick, confirmed))
    }

    /// Returns the first tick with an unknown input, or `None` if all seats are absent.
    fn known_until(&self) -> Option<Tick> {
        self.seats
            .iter()
            .filter_map(SeatLog::next_unknown)
            .reduce(earlier)
    }

    /// Returns the first tick of a seat whose input is not known.
    pub(crate) fn next_input(&self, seat: Seat) -> Option<Tick> {
        self.seats.get(seat.index())?.next_unknown()
    }

    /// Returns the number of simulated ticks whose input of a seat is not known. It is negative if inputs of later ticks
    /// are known, and `None` if the seat is absent.
    pub(crate) fn lag(&self, seat: Seat) -> Option<i32> {
        let next = self.next_input(seat)?;
        Some(self.current.since(next))
    }

    /// Adds the input of a seat's next tick.
    pub(crate) fn append(&mut self, seat: Seat, input: I) {
        let tick = self
            .seats
            .get_mut(seat.index())
            .and_then(|log| log.append(input));
        self.note_misprediction(tick);
    }

    /// Ends a seat at `end`, before which all of its inputs are known.
    pub(crate) fn finish(&mut self, seat: Seat, end: Tick) {
        let tick = self
            .seats
            .get_mut(seat.index())
            .and_then(|log| log.finish(end));
        self.note_misprediction(tick);
    }

    fn note_misprediction(&mut self, tick: Option<Tick>) {
        // The rest of a step is simulated with the new input.
        let simulated_until = self.plan.simulated_until().unwrap_or(self.current);
        if let Some(tick) = tick.filter(|tick| simulated_until.is_after(*tick)) {
            self.mispredicted = Some(self.mispredicted.map_or(tick, |first| earlier(first, tick)));
        }
    }

    /// Returns the seats whose inputs are needed before the next tick can be simulated.
    pub(crate) fn missing(&self) -> SeatSet {
        let window = u32::from(self.settings.window);
        let is_missing = |log: &SeatLog<I>| {
            // Everything before `next` is known, so `next` and the ticks after it can be predicted.
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

    /// Returns whether the caller has not received all requests of the last step.
    pub(crate) fn is_in_step(&self) -> bool {
        self.plan.is_open
    }

    /// Starts a step, which resimulates mispredicted ticks. It then simulates the next tick, if `advance`
    /// is set and no seat is [missing](Self::missing). Call [`request`](Self::request)
    /// until it returns `None`.
    pub(crate) fn begin(&mut self, advance: bool) -> Begun {
        debug_assert!(!self.plan.is_open, "the last step is incomplete");
        let is_new = advance && self.missing().is_empty();
        let mispredicted = self.mispredicted.take();
        let forced = self.forced_rollback();
        let first = match (mispredicted, forced) {
            (Some(tick), Some((forced, _))) => Some(earlier(tick, forced)),
            (tick, forced) => tick.or(forced.map(|(forced, _)| forced)),
        };
        let load = first.and_then(|first| self.saves.newest_until(first));
        debug_assert!(
            load.is_some() || mispredicted.is_none(),
            "a tick that may be mispredicted is saved"
        );
        if let (Some(first), Some(_)) = (first, load) {
            self.saves.release_after(first);
        }
        let cursor = load.unwrap_or(self.current);
        if let Some(test) = &mut self.sync_test {
            // Only states that this step saves are compared.
            test.compared_until = cursor;
        }
        let has_detour = forced.is_some_and(|(_, has_detour)| has_detour);
        self.plan = Plan {
            load,
            cursor,
            end: self.current + u32::from(is_new),
            new_from: self.current,
            is_open: true,
            detour: load.filter(|_| has_detour).map(|start| Detour {
                start,
                end: self.current,
            }),
        };
        Begun {
            resimulated: self.current.since(cursor) as u32,
            is_new,
        }
    }

    /// Returns where the sync test rolls back to, and whether it takes a detour.
    fn forced_rollback(&mut self) -> Option<(Tick, bool)> {
        let current = self.current;
        let test = self.sync_test.as_mut().filter(|test| test.is_running())?;
        let (first, has_detour) = test.begin(current);
        (first != current).then_some((first, has_detour))
    }

    /// Returns the next request of this step, or `None` at its end. `is_kept` returns whether a
    /// state is still needed for comparisons.
    pub(crate) fn request(&mut self, is_kept: impl Fn(Tick) -> bool) -> Option<Request<'_, I>> {
        if let Some(tick) = self.saves.pop_released() {
            return Some(Request::Release { tick });
        }
        self.plan.end_detour();
        if let Some(tick) = self.plan.load.take() {
            return Some(Request::Load { tick });
        }
        let tick = self.plan.cursor;
        if self.plan.detour().is_some() {
            return Some(self.simulate(tick));
        }
        let is_simulated = !self.plan.end.is_after(tick);
        // A sync test also compares the state at the end of a step.
        if (!is_simulated || self.is_testing()) && self.is_save_due(tick) {
            self.saves.insert(tick);
            return Some(Request::Save {
                tick,
                wants_checksum: self.is_checksummed(tick) || self.is_testing(),
            });
        }
        if !is_simulated {
            return Some(self.simulate(tick));
        }
        if self.final_until().is_after(self.next_confirmed) {
            return Some(self.confirm());
        }
        if let Some(tick) = self.take_checksum() {
            return Some(Request::Checksum { tick });
        }
        self.forget(is_kept);
        let released = self.saves.pop_released();
        self.plan.is_open = released.is_some();
        released.map(|tick| Request::Release { tick })
    }

    /// Drops inputs and saves that no rollback can need.
    fn forget(&mut self, is_kept: impl Fn(Tick) -> bool) {
        let every = u32::from(self.settings.checksum_every);
        let is_kept = |tick: Tick| {
            self.has_checksums && tick == self.next_checksum
                || every > 0 && tick.0.is_multiple_of(every) && is_kept(tick)
        };
        let first = self.rollback_start().unwrap_or_else(|| self.final_until());
        self.saves.release_before(first, is_kept);
        for log in &mut self.seats {
            log.forget_before(first);
        }
    }

    /// Returns the earliest save that a rollback can start from, if there is one.
    fn rollback_start(&self) -> Option<Tick> {
        let confirmed = self.final_until();
        if let Some(test) = self.sync_test.as_ref().filter(|test| test.is_running()) {
            let reach = earlier(confirmed, test.reach(self.current));
            return self.saves.newest_until(reach);
        }
        let save = self.saves.newest_until(confirmed)?;
        // If all simulated ticks are confirmed, a rollback starts at the next tick at the earliest.
        // That tick is saved unless this save is recent enough.
        let is_needed = confirmed != self.current || self.is_recent(save, self.current);
        is_needed.then_some(save)
    }

    fn simulate(&mut self, tick: Tick) -> Request<'_, I> {
        let detour = self.plan.detour();
        self.plan.cursor += 1;
        self.current = later(self.current, self.plan.cursor);
        for (log, input) in self.seats.iter_mut().zip(&mut self.frame) {
            match detour {
                Some(detour) => log.predict(tick, detour.start, &*self.predict, input),
                None => log.simulate(tick, &*self.predict, input),
            }
        }
        Request::Advance(Frame {
            tick,
            inputs: &self.frame,
            is_resimulated: self.plan.new_from.is_after(tick),
        })
    }

    fn confirm(&mut self) -> Request<'_, I> {
        let tick = self.next_confirmed;
        self.next_confirmed += 1;
        for (log, input) in self.seats.iter().zip(&mut self.frame) {
            let is_known = log.read(tick, input);
            debug_assert!(is_known, "a confirmed input is not forgotten");
        }
        Request::Confirmed {
            tick,
            inputs: &self.frame,
        }
    }

    /// Returns whether the state before a tick is saved: if the tick may be resimulated, and for
    /// checksums.
    fn is_save_due(&self, tick: Tick) -> bool {
        if self.saves.contains(tick) {
            return false;
        }
        if self.is_checksummed(tick) || self.is_testing() {
            return true;
        }
        let is_known = self.known_until().is_none_or(|known| known.is_after(tick));
        let last = self.saves.newest_until(tick);
        !is_known && last.is_none_or(|last| !self.is_recent(last, tick))
    }

    /// Returns whether a save is so recent that a tick needs no save of its own.
    fn is_recent(&self, save: Tick, tick: Tick) -> bool {
        tick.since(save) < self.settings.save_every.into()
    }

    /// Returns the number of stored inputs, known and predicted.
    pub(crate) fn kept(&self) -> usize {
        self.seats.iter().map(SeatLog::len).sum()
    }

    /// Returns the number of saved states.
    pub(crate) fn saved(&self) -> usize {
        self.saves.len()
    }
}
