use huddle_id::PeerId;
use thiserror::Error;

use super::{peer::SnapshotSession, sending::phase};
use crate::{
    claim::{OwnerError, OwnerGone, Policy, Rules},
    id::EntityId,
    layout::{ComponentId, ComponentSet, MAX_ENTITY_LEN},
    link::MAX_ENTITIES,
    numbering::{MAX_COUNT, count_from, number},
    world::{Entity, Index, ShapeError, Value, Values, World, values::check},
};

/// An entity that the local peer spawns.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NewEntity {
    /// How peers take the ownership from each other.
    pub policy: Policy,
    /// What happens when the owner is gone.
    pub owner_gone: OwnerGone,
}

impl Default for NewEntity {
    fn default() -> Self {
        Self::new(Policy::default())
    }
}

impl NewEntity {
    /// Creates an entity with the default of its policy for an owner that is gone.
    pub const fn new(policy: Policy) -> Self {
        Self {
            policy,
            owner_gone: policy.default_owner_gone(),
        }
    }
}

/// Why an entity cannot be changed.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum EntityError {
    /// The entity does not exist here.
    #[error("there is no replicated entity {0}: it was despawned, or has not arrived")]
    Unknown(EntityId),
    /// The local peer does not own the entity, or its policy forbids the operation.
    #[error(transparent)]
    Owner(#[from] OwnerError),
    /// A value does not agree with the layout.
    #[error(transparent)]
    Shape(#[from] ShapeError),
    /// The values of the entity do not fit into a packet.
    #[error(
        "the values of {id} take {len} bytes, and at most {MAX_ENTITY_LEN} fit into a packet: replicate less"
    )]
    TooLong {
        /// The entity.
        id: EntityId,
        /// The length of its values.
        len: usize,
    },
    /// An entity of the host cannot be hidden.
    #[error(
        "{0} belongs to the host, and the next host takes it over: hidden entities need another policy"
    )]
    HostVisibility(EntityId),
    /// The other peer does not see the entity.
    #[error(
        "{peer} does not see {id}: show the entity to it first, and wait until the peer is linked"
    )]
    NotVisible {
        /// The entity.
        id: EntityId,
        /// The other peer.
        peer: PeerId,
    },
    /// The local peer has too many entities at the same time.
    #[error(
        "this peer has {MAX_ENTITIES} entities, which is the maximum: despawn some before you spawn more"
    )]
    TooManyAtOnce,
    /// The local peer has spawned too many entities.
    #[error("this peer has spawned {MAX_COUNT} entities, which is the maximum")]
    TooMany,
}

impl SnapshotSession {
    /// Spawns an entity with these values, and returns its id. Every peer that may see it receives it.
    ///
    /// # Errors
    /// Returns an error if a value does not agree with the layout, all values together are too long, or
    /// the local peer has [`MAX_ENTITIES`] entities.
    pub fn spawn(
        &mut self,
        new: NewEntity,
        values: &[(ComponentId, Value<'_>)],
    ) -> Result<EntityId, EntityError> {
        let (nth, id) = self.free_id(new).ok_or(EntityError::TooMany)?;
        self.enter(id, values)?;
        self.spawned = nth + 1;
        Ok(id)
    }

    /// Returns the next id with which no entity exists or has existed, and how many counts come before it.
    ///
    /// A peer may know more than the local peer, which has joined again. Or it may be hostile.
    fn free_id(&self, new: NewEntity) -> Option<(u32, EntityId)> {
        let mut nth = self.spawned;
        while nth < MAX_COUNT {
            let count = count_from(self.start, nth);
            let number = number(new.policy, new.owner_gone, count);
            let id = EntityId::spawned(self.local, number);
            let Some(last) = self.world.taken_until(id) else {
                return Some((nth, id));
            };
            // A hostile peer can name entities so that the local peer remembers millions of them as dead.
            nth += last - number + 1;
        }
        None
    }

    /// Adds an entity of the level, which every peer adds with the same `count` and values. Nobody owns
    /// it at first.
    ///
    /// # Errors
    /// Returns an error if a value does not agree with the layout, all values together are too long, or
    /// the local peer has [`MAX_ENTITIES`] entities.
    pub fn place(
        &mut self,
        policy: Policy,
        count: u32,
        values: &[(ComponentId, Value<'_>)],
    ) -> Result<EntityId, EntityError> {
        if count >= MAX_COUNT {
            return Err(EntityError::TooMany);
        }
        let id = EntityId::placed(number(policy, OwnerGone::PassOn, count));
        self.enter(id, values)?;
        Ok(id)
    }

    pub(super) fn enter(
        &mut self,
        id: EntityId,
        values: &[(ComponentId, Value<'_>)],
    ) -> Result<(), EntityError> {
        let mut all = Values::default();
        for &(component, value) in values {
            check(&self.layout, component, value)?;
            all.set(&self.layout, component, value);
        }
        check_len(id, all.len())?;
        if self.own >= MAX_ENTITIES {
            return Err(EntityError::TooManyAtOnce);
        }
        let index = self.world.enter(id).ok_or(EntityError::TooMany)?;
        let is_mine = match self.world.get_mut(index) {
            // An entity of the level may have arrived from a peer before the local level was loaded.
            Some(entity) if entity.values.is_none() && !entity.register().is_dead() => {
                entity.start(&self.layout, all, self.now);
                entity.is_own = true;
                self.own += 1;
                entity.ownership.know_host(self.host);
                entity.ownership.is_mine()
            }
            _ => false,
        };
        if is_mine {
            self.publish(index);
        }
        if id.is_placed() && self.host == Some(self.local) {
            // An entity of the level that belongs to the host has no owner yet.
            let (host, now) = (self.host, self.now);
            self.operate(index, |ownership| ownership.set_host(host, now));
        }
        Ok(())
    }

    /// Sets the value of a component of an entity that the local peer owns. Adds the component if the
    /// entity does not have it.
    ///
    /// # Errors
    /// Returns an error if the local peer does not own the entity, the value does not agree with the
    /// layout, or all values together are too long. The entity then keeps its values.
    pub fn set(
        &mut self,
        id: EntityId,
        component: ComponentId,
        value: Value<'_>,
    ) -> Result<(), EntityError> {
        let (layout, now) = (&*self.layout, self.now);
        check(layout, component, value)?;
        let (index, entity) = mine(&mut self.world, id)?;
        let values = entity.values.as_ref().ok_or(EntityError::Unknown(id))?;
        let before = values.get(layout, component);
        if before == Some(value) {
            return Ok(());
        }
        let (len_before, len) = (before.map_or(0, Value::len), value.len());
        if len > len_before {
            check_len(id, values.len() - len_before + len)?;
        }
        let is_due = entity.change(layout, (component, value), (now, phase(index)));
        if let Some(values) = &mut entity.values {
            values.set(layout, component, value);
        }
        match is_due {
            true => self.publish(index),
            false => drop(self.withholding.insert(index)),
        }
        Ok(())
    }

    /// Removes a component of an entity that the local peer owns.
    ///
    /// # Errors
    /// Returns an error if the local peer does not own the entity.
    pub fn remove_component(
        &mut self,
        id: EntityId,
        component: ComponentId,
    ) -> Result<(), EntityError> {
        let layout = &*self.layout;
        let (index, entity) = mine(&mut self.world, id)?;
        let values = entity.values.as_mut().ok_or(EntityError::Unknown(id))?;
        if values.remove(layout, component) {
            entity.component_removed(layout, component);
            self.publish(index);
        }
        Ok(())
    }

    pub(super) fn existing(&self, id: EntityId) -> Result<Index, EntityError> {
        let index = self.world.index(id).ok_or(EntityError::Unknown(id))?;
        let entity = self
            .world
            .get(index)
            .filter(|entity| entity.values.is_some());
        entity.map(|_| index).ok_or(EntityError::Unknown(id))
    }

    /// Returns the ids of all entities that exist here.
    pub fn entities(&self) -> impl Iterator<Item = EntityId> {
        let entities = self
            .world
            .iter()
            .filter(|(_, entity)| entity.values.is_some());
        entities.map(|(_, entity)| entity.id())
    }

    /// Returns the components of an entity.
    pub fn components(&self, id: EntityId) -> Option<ComponentSet> {
        Some(self.world.find(id)?.values.as_ref()?.components)
    }

    /// Returns the value of a component of an entity.
    pub fn get(&self, id: EntityId, component: ComponentId) -> Option<Value<'_>> {
        let values = self.world.find(id)?.values.as_ref()?;
        values.get(&self.layout, component)
    }

    /// Returns the rules for the ownership of an entity.
    pub fn rules(&self, id: EntityId) -> Option<Rules> {
        self.world.find(id).map(|entity| entity.ownership.rules())
    }

    /// Returns the owner of an entity. An entity of the level may have none.
    pub fn owner(&self, id: EntityId) -> Option<PeerId> {
        self.world.find(id)?.ownership.owner()
    }
}

/// Returns an entity that the local peer owns.
fn mine(world: &mut World, id: EntityId) -> Result<(Index, &mut Entity), EntityError> {
    let index = world.index(id).ok_or(EntityError::Unknown(id))?;
    let entity = world.get_mut(index).filter(|it| it.values.is_some());
    let entity = entity.ok_or(EntityError::Unknown(id))?;
    match entity.ownership.is_mine() {
        true => Ok((index, entity)),
        false => Err(OwnerError::NotOwner.into()),
    }
}

fn check_len(id: EntityId, len: usize) -> Result<(), EntityError> {
    match len {
        ..=MAX_ENTITY_LEN => Ok(()),
        len => Err(EntityError::TooLong { id, len }),
    }
}
