//! The order in which a link sends entities.

#[cfg(test)]
mod tests;

use std::{cmp::Reverse, collections::BTreeMap, time::Duration};

/// The highest importance.
const MAX_IMPORTANCE: f32 = 1e6;

/// The priority of a new entity is as if it had waited for this time.
const HEAD_START: f64 = 1.0;

/// The accumulated priorities of the entities of a link. `K` is the id of an entity.
///
/// The priority of an entity grows by its importance each second, and returns to zero when the
/// entity is sent. An entity that did not fit keeps its priority and comes earlier next time. No
/// entity with an importance greater than 0 is therefore left out forever, and an entity with twice
/// the importance is sent about twice as often when the budget is short.
///
/// ```
/// use std::time::Duration;
/// use huddle_snapshot::budget::Priorities;
///
/// let mut priorities = Priorities::default();
/// priorities.insert("player", 4.0, Duration::ZERO);
/// priorities.insert("crate", 1.0, Duration::ZERO);
/// let now = Duration::from_millis(100);
/// assert_eq!(priorities.rank(["crate", "player"], now), ["player", "crate"]);
/// priorities.record_sent(&"player", now);
/// assert_eq!(priorities.rank(["crate", "player"], now * 2), ["crate", "player"]);
/// ```
#[derive(Debug, Clone)]
pub struct Priorities<K> {
    entities: BTreeMap<K, Priority>,
}

#[derive(Debug, Clone, Copy)]
struct Priority {
    importance: f64,
    /// The priority at `since`.
    accumulated: f64,
    since: Duration,
}

impl Priority {
    fn at(&self, now: Duration) -> f64 {
        let passed = now.saturating_sub(self.since).as_secs_f64();
        self.accumulated + self.importance * passed
    }
}

impl<K> Default for Priorities<K> {
    fn default() -> Self {
        Self {
            entities: BTreeMap::new(),
        }
    }
}

impl<K: Ord + Copy> Priorities<K> {
    /// Adds an entity, or changes the importance of an entity without loss of its priority.
    ///
    /// The importance is clamped to 0 to 1,000,000, and NaN counts as 0. An entity with importance
    /// 0 is never sent. A new entity starts with the priority that accumulates in a second.
    pub fn insert(&mut self, key: K, importance: f32, now: Duration) {
        let importance = if importance.is_nan() { 0.0 } else { importance };
        let importance = f64::from(importance.clamp(0.0, MAX_IMPORTANCE));
        let accumulated = match self.entities.get(&key) {
            Some(priority) => priority.at(now),
            None => importance * HEAD_START,
        };
        let priority = Priority {
            importance,
            accumulated,
            since: now,
        };
        self.entities.insert(key, priority);
    }

    /// Removes an entity.
    pub fn remove(&mut self, key: &K) {
        self.entities.remove(key);
    }

    /// Records that an entity was sent. Call this function only for entities that are in the
    /// packet, not for those that did not fit.
    pub fn record_sent(&mut self, key: &K, now: Duration) {
        if let Some(priority) = self.entities.get_mut(key) {
            priority.accumulated = 0.0;
            priority.since = now;
        }
    }

    /// Returns the accumulated priority of an entity: the integral of its importance over the
    /// seconds since it was last sent. Returns `None` for an unknown entity.
    pub fn priority(&self, key: &K, now: Duration) -> Option<f64> {
        self.entities.get(key).map(|priority| priority.at(now))
    }

    /// Returns the entities that have something to send in the order in which they should be sent.
    /// The entity with the lower id comes first if two have the same priority. Unknown entities and
    /// those with importance 0 are left out.
    pub fn rank(&self, pending: impl IntoIterator<Item = K>, now: Duration) -> Vec<K> {
        let mut ranked: Vec<_> = pending
            .into_iter()
            .filter_map(|key| {
                let priority = self.entities.get(&key)?;
                // Priorities are never negative, so their bits have the same order.
                let rank = Reverse(priority.at(now).to_bits());
                (priority.importance > 0.0).then_some((rank, key))
            })
            .collect();
        ranked.sort_unstable();
        ranked.into_iter().map(|(_, key)| key).collect()
    }
}
