use std::collections::VecDeque;

use huddle_session::Tick;

use crate::predict::Predict;

/// What is known of a seat's inputs, and what was simulated in place of those that are not.
#[derive(Debug)]
pub(super) struct SeatLog<I> {
    /// The inputs that are known, beginning with that of tick `first`.
    known: VecDeque<I>,
    first: Tick,
    /// The newest known input that is no longer in `known`.
    before: I,
    /// What was simulated for the ticks after the last known one.
    guesses: VecDeque<I>,
    /// The tick from which on nobody plays the seat.
    end: Option<Tick>,
}

/// What is simulated for a seat.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum InputStatus {
    /// The input is the player's.
    #[default]
    Confirmed,
    /// It is a guess, and may turn out to be wrong.
    Predicted,
    /// Nobody plays the seat any more: the input is the default. All players see this at the same
    /// ticks.
    Absent,
}

/// One seat's input in a tick.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct SeatInput<I> {
    /// What the player does.
    pub input: I,
    /// How far that is known.
    pub status: InputStatus,
}

impl<I: Clone + PartialEq + Default> SeatLog<I> {
    pub(super) fn new() -> Self {
        Self {
            known: VecDeque::new(),
            first: Tick(0),
            before: I::default(),
            guesses: VecDeque::new(),
            end: None,
        }
    }

    /// The first tick whose input is not known; `None` if nobody plays the seat then.
    pub(super) fn next_unknown(&self) -> Option<Tick> {
        let next = self.next();
        self.end.is_none().then_some(next)
    }

    fn next(&self) -> Tick {
        self.first + self.known.len() as u32
    }

    /// Takes the input of the next tick, and says whether the tick has been simulated with another.
    pub(super) fn append(&mut self, input: I) -> Option<Tick> {
        if self.end.is_some() {
            return None;
        }
        let tick = self.next();
        let guess = self.guesses.pop_front();
        let is_wrong = guess.is_some_and(|guess| guess != input);
        self.known.push_back(input);
        is_wrong.then_some(tick)
    }

    /// Nobody plays the seat from `end` on, up to which all is known. Says whether ticks after that
    /// have been simulated as if somebody did.
    pub(super) fn finish(&mut self, end: Tick) -> Option<Tick> {
        let surplus = self.next().since(end).max(0) as usize;
        self.known
            .truncate(self.known.len().saturating_sub(surplus));
        self.end = Some(end);
        let were_guessed = !self.guesses.is_empty();
        self.guesses.clear();
        (were_guessed || surplus > 0).then_some(end)
    }

    /// What to simulate in a tick.
    pub(super) fn simulate(
        &mut self,
        tick: Tick,
        predict: &dyn Predict<I>,
        out: &mut SeatInput<I>,
    ) {
        if let Some(end) = self.end
            && !end.is_after(tick)
        {
            out.status = InputStatus::Absent;
            out.input = I::default();
            return;
        }
        let index = tick.since(self.first);
        if let Some(known) = usize::try_from(index).ok().and_then(|i| self.known.get(i)) {
            out.status = InputStatus::Confirmed;
            out.input.clone_from(known);
            return;
        }
        let last = self.known.back().unwrap_or(&self.before);
        let beyond = tick.since(self.next()).max(0) as u32;
        out.status = InputStatus::Predicted;
        out.input = predict.predict(last, beyond + 1);
        match self.guesses.get_mut(beyond as usize) {
            Some(guess) => guess.clone_from(&out.input),
            None => self.guesses.push_back(out.input.clone()),
        }
    }

    /// How many inputs there are in it.
    pub(super) fn len(&self) -> usize {
        self.known.len() + self.guesses.len()
    }

    /// Forgets what comes before a tick that will never be simulated again.
    pub(super) fn forget_before(&mut self, tick: Tick) {
        while tick.is_after(self.first)
            && let Some(input) = self.known.pop_front()
        {
            self.before = input;
            self.first += 1;
        }
    }
}
