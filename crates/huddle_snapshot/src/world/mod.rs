//! The replicated entities of one peer: what the game sees, and who owns them.

mod entity;
mod graveyard;
pub(crate) mod values;
mod withheld;

use std::collections::HashMap;

use foldhash::quality::RandomState;
use huddle_id::PeerId;

use self::graveyard::Graveyard;
pub use self::values::{ShapeError, Value};
pub(crate) use self::{
    entity::{Entity, Passing},
    values::Values,
};
use crate::id::EntityId;

/// The place of an entity in the tables of the world and its links.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Index(u32);

impl Index {
    pub(crate) const fn get(self) -> usize {
        self.0 as usize
    }
}

/// The entities of one peer.
#[derive(Debug)]
pub(crate) struct World {
    local: PeerId,
    entities: Vec<Option<Entity>>,
    by_id: HashMap<EntityId, Index, RandomState>,
    free: Vec<Index>,
    dead: Graveyard,
}

impl World {
    pub(crate) fn new(local: PeerId) -> Self {
        Self {
            local,
            entities: Vec::new(),
            by_id: HashMap::default(),
            free: Vec::new(),
            dead: Graveyard::default(),
        }
    }

    /// Returns the number of places for entities, some of which are free.
    pub(crate) fn places(&self) -> usize {
        self.entities.len()
    }

    /// Returns the place with this number, unless it is free.
    pub(crate) fn place(&self, number: usize) -> Option<Index> {
        let index = Index(u32::try_from(number).ok()?);
        self.get(index).map(|_| index)
    }

    pub(crate) fn index(&self, id: EntityId) -> Option<Index> {
        self.by_id.get(&id).copied()
    }

    pub(crate) fn get(&self, index: Index) -> Option<&Entity> {
        self.entities.get(index.get())?.as_ref()
    }

    pub(crate) fn get_mut(&mut self, index: Index) -> Option<&mut Entity> {
        self.entities.get_mut(index.get())?.as_mut()
    }

    pub(crate) fn find(&self, id: EntityId) -> Option<&Entity> {
        self.get(self.index(id)?)
    }

    /// Returns the place of an entity, and adds the entity without values if it is unknown.
    pub(crate) fn enter(&mut self, id: EntityId) -> Option<Index> {
        if let Some(index) = self.index(id) {
            return Some(index);
        }
        let is_dead = self.dead.contains(id);
        let entity = Some(Entity::new(id, self.local, is_dead));
        let index = match self.free.pop() {
            Some(index) => {
                *self.entities.get_mut(index.get())? = entity;
                index
            }
            None => {
                let index = Index(u32::try_from(self.entities.len()).ok()?);
                self.entities.push(entity);
                index
            }
        };
        self.by_id.insert(id, index);
        Some(index)
    }

    /// Returns the last number in a row of entities that exist or have existed, from this one on. Returns
    /// `None` if this one does not, and has not.
    pub(crate) fn taken_until(&self, id: EntityId) -> Option<u32> {
        let is_known = self.find(id).map(|entity| !entity.is_untouched());
        match is_known {
            Some(false) => None,
            _ => self.dead.last_of_range(id).or(is_known.map(|_| id.number)),
        }
    }

    /// Records that an entity is dead, so that it never comes back.
    pub(crate) fn bury(&mut self, id: EntityId) {
        self.dead.insert(id);
    }

    /// Removes an entity about which no link knows anything.
    pub(crate) fn leave(&mut self, index: Index) {
        let place = self.entities.get_mut(index.get());
        if let Some(entity) = place.and_then(Option::take) {
            self.by_id.remove(&entity.id());
            self.free.push(index);
        }
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = (Index, &Entity)> {
        let entities = (0..).map(Index).zip(&self.entities);
        entities.filter_map(|(index, entity)| Some((index, entity.as_ref()?)))
    }

    pub(crate) fn indices(&self) -> impl Iterator<Item = Index> + use<> {
        (0..self.entities.len() as u32).map(Index)
    }
}
