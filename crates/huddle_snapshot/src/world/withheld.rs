use std::time::Duration;

use super::values::{Value, Values};
use crate::{
    budget::RateLimit,
    layout::{ComponentId, ComponentSet, Layout, MAX_ENTITY_LEN},
};

/// The changes of an entity that the other peers do not receive yet, because of the rate limits of the
/// components.
///
/// A limit delays a change before any link knows of it. It therefore affects no acks, and the last change
/// before a rest always becomes due.
#[derive(Debug, Default)]
pub(super) struct Withheld {
    /// What the other peers receive instead of the values. `None` while nothing is withheld.
    sent: Option<Values>,
    /// The components with a change that is withheld.
    components: ComponentSet,
    /// When each component with a limit has changed for the other peers.
    changed: Vec<(ComponentId, Duration)>,
}

impl Withheld {
    /// Returns what the other peers receive, if it differs from the values.
    pub(super) fn sent(&self) -> Option<&Values> {
        self.sent.as_ref()
    }

    /// Records that the other peers receive the values of these components.
    pub(super) fn start(&mut self, layout: &Layout, components: ComponentSet, now: Duration) {
        for id in components.iter().filter(|id| limit(layout, *id).is_some()) {
            self.set_changed(id, now);
        }
    }

    /// Handles that a component has changed, before the values of the entity do. Returns whether the other
    /// peers have to receive the change now.
    pub(super) fn change(
        &mut self,
        layout: &Layout,
        values: &Values,
        (id, value): (ComponentId, Value<'_>),
        (now, phase): (Duration, u32),
    ) -> bool {
        let is_new = !values.components.contains(id);
        let is_due = limit(layout, id).is_none_or(|limit| self.is_due(limit, id, now, phase));
        if !is_new && !is_due {
            let sent = self.sent.get_or_insert_with(|| values.clone());
            if sent.get(layout, id) == Some(value) {
                // It is again as the other peers have it.
                self.components.remove(id);
                self.settle();
            } else {
                self.components.insert(id);
            }
            return false;
        }
        self.components.remove(id);
        if limit(layout, id).is_some() {
            self.set_changed(id, now);
        }
        let is_short = |sent: &mut Values| {
            sent.set(layout, id, value);
            sent.len() <= MAX_ENTITY_LEN
        };
        if self.sent.as_mut().is_some_and(|sent| !is_short(sent)) {
            // The old value of one component and the new one of another are too long together.
            self.release_all();
        }
        self.settle();
        true
    }

    /// Handles that the entity loses a component.
    pub(super) fn remove(&mut self, layout: &Layout, id: ComponentId) {
        self.components.remove(id);
        self.changed.retain(|(of, _)| *of != id);
        if let Some(sent) = &mut self.sent {
            sent.remove(layout, id);
        }
        self.settle();
    }

    /// Releases the changes whose time has come. Returns whether there are any.
    pub(super) fn release(
        &mut self,
        layout: &Layout,
        values: &Values,
        (now, phase): (Duration, u32),
    ) -> bool {
        let mut has_released = false;
        for id in self.components.iter() {
            let is_due = limit(layout, id).is_none_or(|limit| self.is_due(limit, id, now, phase));
            if let Some(value) = values.get(layout, id).filter(|_| is_due) {
                has_released |= self.change(layout, values, (id, value), (now, phase));
            }
        }
        has_released
    }

    /// Releases all changes. Returns whether there are any.
    pub(super) fn release_all(&mut self) -> bool {
        self.components = ComponentSet::EMPTY;
        self.sent.take().is_some()
    }

    fn settle(&mut self) {
        if self.components.is_empty() {
            self.sent = None;
        }
    }

    fn is_due(&self, limit: RateLimit, id: ComponentId, now: Duration, phase: u32) -> bool {
        let changed = self.changed.iter().find(|(of, _)| *of == id);
        limit.is_eligible(changed.map(|(_, at)| *at), now, phase)
    }

    fn set_changed(&mut self, id: ComponentId, now: Duration) {
        match self.changed.iter_mut().find(|(of, _)| *of == id) {
            Some((_, at)) => *at = now,
            None => self.changed.push((id, now)),
        }
    }
}

fn limit(layout: &Layout, id: ComponentId) -> Option<RateLimit> {
    layout.get(id)?.rate_limit()
}
