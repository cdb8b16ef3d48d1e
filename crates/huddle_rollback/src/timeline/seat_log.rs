use std::collections::VecDeque;

use huddle_session::Tick;

use super::order::earlier;
use super::predict::Predict;

/// The known inputs of a seat, and the predictions that were simulated instead of unknown ones.
#[derive(Debug)]
pub(super) struct SeatLog<I> {
    /// The known inputs, starting with that of tick `first`.
    known: VecDeque<I>,
    first: Tick,
    /// The input of the tick before `first`.
    before: I,
    /// The inputs that were simulated for the ticks after the last known one.
    predicted: VecDeque<I>,
    /// The first tick at which the seat is absent.
    end: Option<Tick>,
}

/// How certain a simulated input is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum InputStatus {
    /// The input is the player's.
    #[default]
    Confirmed,
    /// The input is a prediction, which may turn out to be wrong.
    Predicted,
    /// The player has left, and the input is the default. This starts at the same tick for all
    /// peers.
    Disconnected,
}

/// One seat's input in a tick.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct SeatInput<I> {
    /// The input.
    pub input: I,
    /// How certain it is.
    pub status: InputStatus,
}

impl<I: Clone + PartialEq + Default> SeatLog<I> {
    pub(super) fn new() -> Self {
        Self {
            known: VecDeque::new(),
            first: Tick(0),
            before: I::default(),
            predicted: VecDeque::new(),
            end: None,
        }
    }

    /// Returns the first tick whose input is not known, or `None` if the seat is absent from then
    /// on.
    pub(super) fn next_unknown(&self) -> Option<Tick> {
        let next = self.next();
        self.end.is_none().then_some(next)
    }

    fn next(&self) -> Tick {
        self.first + self.known.len() as u32
    }

    /// Adds the input of the next tick. Returns that tick if it was simulated with another input.
    pub(super) fn append(&mut self, input: I) -> Option<Tick> {
        if self.end.is_some() {
            return None;
        }
        let tick = self.next();
        let predicted = self.predicted.pop_front();
        let is_wrong = predicted.is_some_and(|predicted| predicted != input);
        self.known.push_back(input);
        is_wrong.then_some(tick)
    }

    /// Ends the seat at `end`. All inputs before that are known. Returns `end` if that tick was
    /// simulated with an input.
    pub(super) fn finish(&mut self, end: Tick) -> Option<Tick> {
        let surplus = self.next().since(end).max(0) as usize;
        self.known
            .truncate(self.known.len().saturating_sub(surplus));
        self.end = Some(end);
        let was_predicted = !self.predicted.is_empty();
        self.predicted.clear();
        (was_predicted || surplus > 0).then_some(end)
    }

    /// Writes the input of a tick to `out`, and predicts it if it is unknown.
    pub(super) fn simulate(
        &mut self,
        tick: Tick,
        predict: &dyn Predict<I>,
        out: &mut SeatInput<I>,
    ) {
        if self.read(tick, out) {
            return;
        }
        let next = self.next();
        self.predict(tick, next, predict, out);
        let place = tick.since(next).max(0) as usize;
        match self.predicted.get_mut(place) {
            Some(predicted) => predicted.clone_from(&out.input),
            None => self.predicted.push_back(out.input.clone()),
        }
    }

    /// Writes the input of a tick to `out` if it is known. Returns whether it is.
    pub(super) fn read(&self, tick: Tick, out: &mut SeatInput<I>) -> bool {
        if self.read_absent(tick, out) {
            return true;
        }
        let Some(known) = self.index(tick).and_then(|index| self.known.get(index)) else {
            return false;
        };
        out.status = InputStatus::Confirmed;
        out.input.clone_from(known);
        true
    }

    fn read_absent(&self, tick: Tick, out: &mut SeatInput<I>) -> bool {
        let is_absent = self.end.is_some_and(|end| !end.is_after(tick));
        if is_absent {
            out.status = InputStatus::Disconnected;
            out.input = I::default();
        }
        is_absent
    }

    /// Writes the prediction of a tick to `out`, as if the inputs from `unknown` on were unknown.
    pub(super) fn predict(
        &self,
        tick: Tick,
        unknown: Tick,
        predict: &dyn Predict<I>,
        out: &mut SeatInput<I>,
    ) {
        let unknown = earlier(unknown, self.next());
        if self.read_absent(unknown, out) {
            return;
        }
        let last = self
            .index(unknown)
            .and_then(|index| self.known.get(index.checked_sub(1)?))
            .unwrap_or(&self.before);
        let ahead = tick.since(unknown).max(0) as u32 + 1;
        out.status = InputStatus::Predicted;
        out.input = predict.predict(last, ahead);
    }

    fn index(&self, tick: Tick) -> Option<usize> {
        usize::try_from(tick.since(self.first)).ok()
    }

    /// Returns the number of inputs in the log.
    pub(super) fn len(&self) -> usize {
        self.known.len() + self.predicted.len()
    }

    /// Drops the inputs before a tick, which are never simulated again.
    pub(super) fn forget_before(&mut self, tick: Tick) {
        while tick.is_after(self.first)
            && let Some(input) = self.known.pop_front()
        {
            self.before = input;
            self.first += 1;
        }
    }
}
