//! Operations of the local peer that change who owns an entity.

use huddle_id::PeerId;

use super::{local::EntityError, peer::SnapshotSession};
use crate::{
    claim::{Outcome, OwnerError, Ownership, RequestDecision},
    id::EntityId,
};

impl SnapshotSession {
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
        if peer != self.local && !self.can_show(id, peer) {
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
}
