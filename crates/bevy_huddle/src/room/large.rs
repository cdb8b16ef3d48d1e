//! The large values of a room, which its records only contain the digests of.

use std::collections::BTreeMap;

use huddle_snapshot::{
    ComponentId, ComponentSet, SnapshotSession, Value,
    content::{ContentKey, Contents, Digest},
    id::EntityId,
};

/// The large values of a room.
#[derive(Debug, Default)]
pub(crate) struct LargeValues {
    /// The components that are large.
    pub(crate) components: ComponentSet,
    pub(crate) contents: Contents,
    /// New entities that wait for large values, and the ticks of their other values.
    pub(crate) incomplete: BTreeMap<EntityId, u32>,
}

impl LargeValues {
    /// Returns the value of a component: the content of a large one. Returns `None` if it is not here.
    pub(crate) fn value<'a>(
        &'a self,
        session: &'a SnapshotSession,
        entity: EntityId,
        component: ComponentId,
    ) -> Option<Value<'a>> {
        let value = session.get(entity, component)?;
        match self.components.contains(component) {
            true => {
                let content = self.contents.get(ContentKey { entity, component });
                content.map(|content| Value::Blob(content))
            }
            false => Some(value),
        }
    }

    /// Returns `true` if nothing is here or expected.
    #[cfg(test)]
    pub(crate) fn is_empty(&self) -> bool {
        self.contents.is_empty() && self.incomplete.is_empty()
    }

    /// Returns `true` if all large values of an entity are here.
    pub(crate) fn is_whole(&self, session: &SnapshotSession, entity: EntityId) -> bool {
        let components = session.components(entity).unwrap_or_default();
        let mut components = components.iter();
        components.all(|component| self.value(session, entity, component).is_some())
    }

    /// Expects the contents that belong to the record of an entity, and forgets those of other components.
    pub(crate) fn expect(&mut self, session: &SnapshotSession, entity: EntityId) {
        let components = session.components(entity).unwrap_or_default();
        for key in self.contents.keys(entity) {
            if !components.contains(key.component) {
                self.contents.remove(key);
            }
        }
        for component in components.iter().filter(|it| self.components.contains(*it)) {
            let key = ContentKey { entity, component };
            match session.get(entity, component) {
                Some(Value::Blob(blob)) if let Some(digest) = Digest::read(blob) => {
                    self.contents.expect(key, digest);
                }
                // Only a hostile peer sends this. Without a content, the value is never set.
                _ => self.contents.remove(key),
            }
        }
    }

    /// Handles that the game has spawned an entity of the level. Large values that are not here arrive
    /// later.
    pub(crate) fn enter_placed(&mut self, session: &mut SnapshotSession, entity: EntityId) {
        if !self.components.is_empty() {
            self.incomplete.remove(&entity);
            session.set_incomplete(entity, false);
            self.expect(session, entity);
        }
    }
}
