//! Compares the effects of a tick with those of its earlier simulations.

use std::collections::{BTreeMap, BTreeSet};

use bevy::prelude::*;
use huddle_session::Tick;

/// How a step has changed an effect.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Change {
    Started,
    Cancelled,
    Confirmed,
}

/// The effects of the ticks that are not confirmed.
#[derive(Resource, Debug)]
pub(super) struct EffectLog<E: Send + Sync + 'static> {
    /// The tick that is being simulated.
    tick: Tick,
    /// The effects of the newest simulation of each tick.
    simulated: BTreeMap<u32, Vec<E>>,
    /// The effects that were started and not cancelled.
    started: BTreeMap<u32, Vec<E>>,
    /// The ticks that were simulated in this step.
    changed: BTreeSet<u32>,
    /// The ticks that were confirmed in this step.
    confirmed: Vec<Tick>,
}

impl<E: Send + Sync + 'static> Default for EffectLog<E> {
    fn default() -> Self {
        Self {
            tick: Tick(0),
            simulated: BTreeMap::new(),
            started: BTreeMap::new(),
            changed: BTreeSet::new(),
            confirmed: Vec::new(),
        }
    }
}

impl<E: Clone + PartialEq + Send + Sync + 'static> EffectLog<E> {
    /// A tick is simulated, perhaps again.
    pub(super) fn begin(&mut self, tick: Tick) {
        self.tick = tick;
        self.simulated.remove(&tick.0);
        self.changed.insert(tick.0);
    }

    pub(super) fn write(&mut self, effect: E) {
        self.simulated.entry(self.tick.0).or_default().push(effect);
    }

    /// Returns the changes of a step, in the order of ticks: in each tick, the cancelled effects and then the
    /// started ones. The effects of confirmed ticks follow.
    pub(super) fn finish(&mut self) -> Vec<(Tick, E, Change)> {
        let mut changes = Vec::new();
        for tick in std::mem::take(&mut self.changed) {
            let simulated = self.simulated.remove(&tick).unwrap_or_default();
            let started = self.started.remove(&tick).unwrap_or_default();
            let mut kept = started.clone();
            let mut new = Vec::new();
            for effect in &simulated {
                match kept.iter().position(|other| other == effect) {
                    Some(same) => drop(kept.swap_remove(same)),
                    None => new.push(effect.clone()),
                }
            }
            // What is left of the earlier effects was not repeated.
            let cancelled = kept.into_iter().map(|effect| (effect, Change::Cancelled));
            let started = new.into_iter().map(|effect| (effect, Change::Started));
            changes.extend(
                cancelled
                    .chain(started)
                    .map(|(effect, change)| (Tick(tick), effect, change)),
            );
            if !simulated.is_empty() {
                self.started.insert(tick, simulated);
            }
        }
        for tick in std::mem::take(&mut self.confirmed) {
            let effects = self.started.remove(&tick.0).unwrap_or_default();
            let effects = effects.into_iter();
            changes.extend(effects.map(|effect| (tick, effect, Change::Confirmed)));
        }
        changes
    }

    /// A tick is final, after this step.
    pub(super) fn confirm(&mut self, tick: Tick) {
        self.confirmed.push(tick);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn simulate(log: &mut EffectLog<&'static str>, tick: u32, effects: &[&'static str]) {
        log.begin(Tick(tick));
        for &effect in effects {
            log.write(effect);
        }
    }

    #[test]
    fn repeated_effect_starts_once() {
        let mut log = EffectLog::default();
        simulate(&mut log, 3, &["bang", "bang"]);
        let started = (Tick(3), "bang", Change::Started);
        assert_eq!(log.finish(), [started, started]);
        simulate(&mut log, 3, &["bang", "bang"]);
        assert_eq!(log.finish(), []);
        assert_eq!(log.finish(), []);
        log.confirm(Tick(3));
        let confirmed = (Tick(3), "bang", Change::Confirmed);
        assert_eq!(log.finish(), [confirmed, confirmed]);
        assert!(log.started.is_empty());
    }

    #[test]
    fn undone_effect_is_cancelled_before_new_ones_start() {
        let mut log = EffectLog::default();
        simulate(&mut log, 3, &["bang"]);
        simulate(&mut log, 4, &["splash"]);
        log.finish();
        simulate(&mut log, 3, &["click"]);
        simulate(&mut log, 4, &["splash"]);
        let changes = [
            (Tick(3), "bang", Change::Cancelled),
            (Tick(3), "click", Change::Started),
        ];
        assert_eq!(log.finish(), changes);
    }

    #[test]
    fn tick_that_is_simulated_twice_in_a_step_counts_once() {
        let mut log = EffectLog::default();
        simulate(&mut log, 3, &["bang"]);
        simulate(&mut log, 3, &[]);
        assert_eq!(log.finish(), []);
    }
}
