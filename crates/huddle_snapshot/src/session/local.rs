use std::sync::Arc;

use huddle_id::PeerId;
use thiserror::Error;

use super::{peer::SnapshotSession, sending::phase};
use crate::{
    claim::{Outcome, OwnerError, OwnerGone, Ownership, Policy, RequestDecision},
    id::EntityId,
    layout::{ComponentId, ComponentSet, MAX_ENTITY_LEN},
    numbering::{MAX_COUNT, count_from, number},
    visibility::Visibility,
    world::{Entity, Index, ShapeError, Value, Values, values::check},
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
    /// The local peer has spawned too many entities.
    #[error("this peer has spawned {MAX_COUNT} entities, which is the maximum")]
    TooMany,
}

impl SnapshotSession {
    /// Spawns an entity with these values, and returns its id. Every peer that may see it receives it.
    ///
    /// # Errors
    /// Returns an error if a value does not agree with the layout, or all values together are too long.
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
    /// Returns an error if a value does not agree with the layout, or all values together are too long.
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
            all.set(&self.layout, component, value)?;
        }
        check_len(id, all.len())?;
        let index = self.world.enter(id).ok_or(EntityError::TooMany)?;
        let is_mine = match self.world.get_mut(index) {
            // An entity of the level may have arrived from a peer before the local level was loaded.
            Some(entity) if entity.values.is_none() && !entity.register().is_dead() => {
                entity.start(&self.layout, all, self.now);
                entity.ownership.know_host(self.host);
                entity.ownership.is_mine()
            }
            _ => false,
        };
        if is_mine {
            self.publish(index);
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
        let (layout, now) = (Arc::clone(&self.layout), self.now);
        check(&layout, component, value)?;
        let (index, entity) = self.mine(id)?;
        let values = entity.values.as_ref().ok_or(EntityError::Unknown(id))?;
        let before = values.get(&layout, component);
        if before == Some(value) {
            return Ok(());
        }
        let len = values.len() - before.map_or(0, Value::len) + value.len();
        check_len(id, len)?;
        let is_due = entity.change(&layout, (component, value), (now, phase(index)));
        if let Some(values) = &mut entity.values {
            values.set(&layout, component, value)?;
        }
        if is_due {
            self.publish(index);
        } else {
            self.withholding.insert(index);
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
        let layout = Arc::clone(&self.layout);
        let (index, entity) = self.mine(id)?;
        let values = entity.values.as_mut().ok_or(EntityError::Unknown(id))?;
        if values.remove(&layout, component) {
            entity.component_removed(&layout, component);
            self.publish(index);
        }
        Ok(())
    }

    /// Despawns an entity on every peer. It never comes back.
    ///
    /// # Errors
    /// Returns an error if the entity does not exist, or the local peer does not own it.
    pub fn despawn(&mut self, id: EntityId) -> Result<(), EntityError> {
        self.operate_as_owner(id, |ownership| ownership.despawn())
    }

    /// Lets touches take a held entity again, see [`Ownership::release`](crate::claim::Ownership::release).
    ///
    /// # Errors
    /// Returns an error if the local peer does not hold the entity.
    pub fn release(&mut self, id: EntityId) -> Result<(), EntityError> {
        self.operate_as_owner(id, |ownership| ownership.release())
    }

    /// Gives an entity to another peer.
    ///
    /// # Errors
    /// Returns an error if the local peer does not own the entity, or its policy does not allow gifts.
    pub fn give(&mut self, id: EntityId, peer: PeerId) -> Result<(), EntityError> {
        let is_linked = peer == self.local || self.links.contains_key(&peer);
        if !is_linked || !self.is_visible_to(id, peer) {
            return Err(EntityError::NotVisible { id, peer });
        }
        self.operate_as_owner(id, |ownership| ownership.give(peer))
    }

    /// Claims an entity in the way that its policy provides. A [`ClaimEnded`](super::SnapshotEvent)
    /// event reports the result.
    ///
    /// # Errors
    /// Returns an error if the entity does not exist here.
    pub fn claim(&mut self, id: EntityId) -> Result<(), EntityError> {
        let now = self.now;
        self.operate_on(id, |ownership| ownership.claim(now))
    }

    /// Claims an entity because an entity of the local peer touches it.
    ///
    /// # Errors
    /// Returns an error if the entity does not exist here.
    pub fn touch(&mut self, id: EntityId) -> Result<(), EntityError> {
        let now = self.now;
        self.operate_on(id, |ownership| ownership.touch(now))
    }

    /// Claims an entity in a way that touches cannot take it.
    ///
    /// # Errors
    /// Returns an error if the entity does not exist here.
    pub fn hold(&mut self, id: EntityId) -> Result<(), EntityError> {
        let now = self.now;
        self.operate_on(id, |ownership| ownership.hold(now))
    }

    /// Decides about the request of another peer, see [`SnapshotEvent::Request`](super::SnapshotEvent).
    pub fn requested(&self, id: EntityId, from: PeerId) -> RequestDecision {
        let entity = self.world.find(id);
        entity.map_or(RequestDecision::Deny, |entity| {
            entity.ownership.requested(from)
        })
    }

    /// Handles that the owner denied a request.
    pub fn denied(&mut self, id: EntityId, by: PeerId) {
        if let Some(index) = self.world.index(id) {
            self.operate(index, |ownership| ownership.denied(by));
        }
    }

    /// Returns an entity that the local peer owns.
    fn mine(&mut self, id: EntityId) -> Result<(Index, &mut Entity), EntityError> {
        let index = self.existing(id)?;
        let entity = self.world.get_mut(index).ok_or(EntityError::Unknown(id))?;
        match entity.ownership.is_mine() {
            true => Ok((index, entity)),
            false => Err(OwnerError::NotOwner.into()),
        }
    }

    fn operate_on(
        &mut self,
        id: EntityId,
        operation: impl FnOnce(&mut Ownership) -> Outcome,
    ) -> Result<(), EntityError> {
        let index = self.existing(id)?;
        self.operate(index, operation);
        Ok(())
    }

    fn operate_as_owner(
        &mut self,
        id: EntityId,
        operation: impl FnOnce(&mut Ownership) -> Result<Outcome, OwnerError>,
    ) -> Result<(), EntityError> {
        let index = self.existing(id)?;
        let mut error = None;
        self.operate(index, |ownership| match operation(ownership) {
            Ok(outcome) => outcome,
            Err(found) => {
                error = Some(found);
                Outcome::default()
            }
        });
        error.map_or(Ok(()), |error| Err(error.into()))
    }

    fn existing(&self, id: EntityId) -> Result<Index, EntityError> {
        let index = self.world.index(id).ok_or(EntityError::Unknown(id))?;
        let entity = self
            .world
            .get(index)
            .filter(|entity| entity.values.is_some());
        entity.map(|_| index).ok_or(EntityError::Unknown(id))
    }

    /// Sets which peers see an entity. Only the setting of its owner matters, and a new owner starts with
    /// [`Visibility::All`].
    ///
    /// # Errors
    /// Returns an error if the entity does not exist here, or an entity of the host would be hidden.
    pub fn set_visibility(
        &mut self,
        id: EntityId,
        visibility: Visibility,
    ) -> Result<(), EntityError> {
        let index = self.existing(id)?;
        if let Some(entity) = self.world.get_mut(index) {
            if entity.is_hosts() && visibility != Visibility::All {
                return Err(EntityError::HostVisibility(id));
            }
            entity.set_visibility(visibility);
        }
        self.publish(index);
        Ok(())
    }

    /// Returns whether the owner of an entity shows it to a peer. Only meaningful at the owner.
    pub fn is_visible_to(&self, id: EntityId, peer: PeerId) -> bool {
        self.world
            .find(id)
            .is_some_and(|entity| entity.is_visible_to(peer))
    }

    /// Sets how important it is that the other peers have the current values of an entity. The default
    /// is 1, and the importance is clamped to 0.01 to 100.
    ///
    /// If not everything fits, an entity of importance 2 is sent twice as often as one of importance 1,
    /// and its values at the other peers are half as old.
    ///
    /// # Errors
    /// Returns an error if the entity does not exist here.
    pub fn set_importance(&mut self, id: EntityId, importance: f32) -> Result<(), EntityError> {
        let index = self.existing(id)?;
        if let Some(entity) = self.world.get_mut(index) {
            entity.set_importance(within_limits(importance));
        }
        Ok(())
    }

    /// Sets the importance of an entity for one peer, for example by its distance from the peer's
    /// character. It lasts until the next [`set_importance`](Self::set_importance), or the end of the link.
    ///
    /// # Errors
    /// Returns an error if the entity does not exist here.
    pub fn set_importance_for(
        &mut self,
        id: EntityId,
        peer: PeerId,
        importance: f32,
    ) -> Result<(), EntityError> {
        let index = self.existing(id)?;
        if let Some(entity) = self.world.get_mut(index) {
            entity.set_importance_for(peer, within_limits(importance));
        }
        Ok(())
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

    /// Returns the owner of an entity. An entity of the level may have none.
    pub fn owner(&self, id: EntityId) -> Option<PeerId> {
        self.world.find(id)?.ownership.owner()
    }
}

fn within_limits(importance: f32) -> f32 {
    match importance.is_nan() {
        true => 1.0,
        false => importance.clamp(0.01, 100.0),
    }
}

fn check_len(id: EntityId, len: usize) -> Result<(), EntityError> {
    match len {
        ..=MAX_ENTITY_LEN => Ok(()),
        len => Err(EntityError::TooLong { id, len }),
    }
}
