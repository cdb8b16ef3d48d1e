use std::collections::VecDeque;

use huddle_session::Tick;

/// Which ticks' states the game has saved, each as it was before the tick.
#[derive(Debug, Default)]
pub(super) struct Saves {
    ticks: VecDeque<Tick>,
    released: VecDeque<Tick>,
}

impl Saves {
    pub(super) fn contains(&self, tick: Tick) -> bool {
        self.ticks.contains(&tick)
    }

    /// The newest save that is not after `tick`.
    pub(super) fn newest_until(&self, tick: Tick) -> Option<Tick> {
        self.ticks
            .iter()
            .rev()
            .copied()
            .find(|save| !save.is_after(tick))
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

    /// Lets all saves after `tick` go, because they are of what did not happen.
    pub(super) fn release_after(&mut self, tick: Tick) {
        while self.ticks.back().is_some_and(|save| save.is_after(tick)) {
            self.released.extend(self.ticks.pop_back());
        }
    }

    /// Lets go what no rollback to `confirmed` or later needs, except those `kept` says.
    pub(super) fn release_before(&mut self, confirmed: Tick, kept: impl Fn(Tick) -> bool) {
        let Some(needed) = self.newest_until(confirmed) else {
            return;
        };
        let mut at = 0;
        while let Some(&save) = self.ticks.get(at)
            && needed.is_after(save)
        {
            match kept(save) {
                true => at += 1,
                false => self.released.extend(self.ticks.remove(at)),
            }
        }
    }

    /// A save that the game need not keep any more.
    pub(super) fn pop_released(&mut self) -> Option<Tick> {
        self.released.pop_front()
    }

    pub(super) fn len(&self) -> usize {
        self.ticks.len()
    }
}
