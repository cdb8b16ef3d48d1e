use std::collections::VecDeque;

use huddle_session::Tick;

/// The ticks for which the game has saved the state before the tick.
#[derive(Debug, Default)]
pub(super) struct Saves {
    ticks: VecDeque<Tick>,
    released: VecDeque<Tick>,
}

impl Saves {
    pub(super) fn contains(&self, tick: Tick) -> bool {
        self.ticks.contains(&tick)
    }

    /// Returns the newest save that is not after `tick`.
    pub(super) fn newest_until(&self, tick: Tick) -> Option<Tick> {
        self.ticks
            .iter()
            .rev()
            .copied()
            .find(|save| !save.is_after(tick))
    }

    /// Returns the oldest save after `tick`.
    pub(super) fn next_after(&self, tick: Tick) -> Option<Tick> {
        self.ticks.iter().copied().find(|save| save.is_after(tick))
    }

    pub(super) fn insert(&mut self, tick: Tick) {
        let after = self
            .ticks
            .iter()
            .rev()
            .take_while(|save| save.is_after(tick))
            .count();
        let at = self.ticks.len() - after;
        if at == 0 || self.ticks[at - 1] != tick {
            self.ticks.insert(at, tick);
        }
    }

    /// Releases all saves after `tick`, because their states are invalid.
    pub(super) fn release_after(&mut self, tick: Tick) {
        while self.ticks.back().is_some_and(|save| save.is_after(tick)) {
            self.released.extend(self.ticks.pop_back());
        }
    }

    /// Releases all saves before `tick` except those for which `is_kept` returns `true`.
    pub(super) fn release_before(&mut self, tick: Tick, is_kept: impl Fn(Tick) -> bool) {
        let mut at = 0;
        while let Some(&save) = self.ticks.get(at)
            && tick.is_after(save)
        {
            match is_kept(save) {
                true => at += 1,
                false => self.released.extend(self.ticks.remove(at)),
            }
        }
    }

    /// Takes the next save that the game can drop.
    pub(super) fn pop_released(&mut self) -> Option<Tick> {
        self.released.pop_front()
    }

    pub(super) fn len(&self) -> usize {
        self.ticks.len()
    }
}
