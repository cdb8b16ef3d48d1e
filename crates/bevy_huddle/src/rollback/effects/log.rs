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
    /// Equal effects that are at most this many ticks apart are the same.
    tolerance: u32,
    /// Effects that were not repeated, which a tick within the tolerance may still have.
    missing: Vec<(u32, E)>,
}

impl<E: Clone + PartialEq + Send + Sync + 'static> EffectLog<E> {
    pub(super) fn new(tolerance: u32) -> Self {
        Self {
            tick: Tick(0),
            simulated: BTreeMap::new(),
            started: BTreeMap::new(),
            changed: BTreeSet::new(),
            confirmed: Vec::new(),
            tolerance,
            missing: Vec::new(),
        }
    }

    /// Forgets all effects.
    pub(super) fn clear(&mut self) {
        *self = Self::new(self.tolerance);
    }

    /// A tick is simulated, perhaps again.
    pub(super) fn begin(&mut self, tick: Tick) {
        self.tick = tick;
        self.simulated.remove(&tick.0);
        self.changed.insert(tick.0);
    }

    pub(super) fn write(&mut self, effect: E) {
        self.simulated.entry(self.tick.0).or_default().push(effect);
    }

    /// Returns the changes of a step: the cancelled effects, then the started ones, then those of confirmed
    /// ticks, each in the order of ticks.
    pub(super) fn finish(&mut self) -> Vec<(Tick, E, Change)> {
        let mut missing = std::mem::take(&mut self.missing);
        let mut new = Vec::new();
        for tick in std::mem::take(&mut self.changed) {
            let simulated = self.simulated.remove(&tick).unwrap_or_default();
            // What is left of the earlier effects was not repeated.
            let mut earlier = self.started.remove(&tick).unwrap_or_default();
            for effect in &simulated {
                match earlier.iter().position(|other| other == effect) {
                    Some(same) => drop(earlier.swap_remove(same)),
                    None => new.push((tick, effect.clone())),
                }
            }
            missing.extend(earlier.into_iter().map(|effect| (tick, effect)));
            if !simulated.is_empty() {
                self.started.insert(tick, simulated);
            }
        }
        // An effect that has moved by a few ticks neither stops nor starts.
        let tolerance = self.tolerance;
        new.retain(|(tick, effect)| {
            let moved = missing
                .iter()
                .position(|(from, other)| from.abs_diff(*tick) <= tolerance && other == effect);
            moved.map(|moved| missing.swap_remove(moved)).is_none()
        });
        let newest = self.tick.0;
        let confirmed = self.confirmed.iter().map(|tick| tick.0).max();
        let (waiting, mut cancelled): (Vec<_>, Vec<_>) =
            missing.into_iter().partition(|(tick, _)| {
                let last = tick.saturating_add(tolerance);
                newest < last && confirmed.is_none_or(|confirmed| confirmed < last)
            });
        self.missing = waiting;
        cancelled.sort_by_key(|&(tick, _)| tick);
        let cancelled = cancelled
            .into_iter()
            .map(|(tick, effect)| (Tick(tick), effect, Change::Cancelled));
        let started = new
            .into_iter()
            .map(|(tick, effect)| (Tick(tick), effect, Change::Started));
        let mut changes: Vec<_> = cancelled.chain(started).collect();
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
        let mut log = EffectLog::new(0);
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
        let mut log = EffectLog::new(0);
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
    fn effect_that_moves_within_the_tolerance_does_not_start_again() {
        let mut log = EffectLog::new(2);
        simulate(&mut log, 3, &["bang"]);
        simulate(&mut log, 4, &[]);
        log.finish();
        // It moves to a tick that was simulated already.
        simulate(&mut log, 3, &[]);
        simulate(&mut log, 4, &["bang"]);
        assert_eq!(log.finish(), []);
        // It moves to a tick that is simulated only in the next step.
        simulate(&mut log, 4, &[]);
        simulate(&mut log, 5, &[]);
        assert_eq!(log.finish(), []);
        simulate(&mut log, 6, &["bang"]);
        assert_eq!(log.finish(), []);
        log.confirm(Tick(6));
        assert_eq!(log.finish(), [(Tick(6), "bang", Change::Confirmed)]);
    }

    #[test]
    fn effect_that_does_not_return_within_the_tolerance_is_cancelled() {
        let mut log = EffectLog::new(2);
        simulate(&mut log, 3, &["bang"]);
        log.finish();
        simulate(&mut log, 3, &[]);
        simulate(&mut log, 4, &[]);
        assert_eq!(log.finish(), []);
        simulate(&mut log, 5, &[]);
        assert_eq!(log.finish(), [(Tick(3), "bang", Change::Cancelled)]);
        assert!(log.missing.is_empty());
    }

    #[test]
    fn tick_that_is_simulated_twice_in_a_step_counts_once() {
        let mut log = EffectLog::new(0);
        simulate(&mut log, 3, &["bang"]);
        simulate(&mut log, 3, &[]);
        assert_eq!(log.finish(), []);
    }
}
