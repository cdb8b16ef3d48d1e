//! Which peers see an entity, and how important it is to them.

use huddle_id::PeerId;

use super::{local::EntityError, peer::SnapshotSession};
use crate::{id::EntityId, visibility::Visibility, world::Entity};

impl SnapshotSession {
    /// Sets which peers see an entity. Only the setting of its owner matters. A new owner starts with
    /// [`Visibility::All`]. If the previous owner hid the entity from some peers, the new owner hides it from
    /// all others instead, until this is called.
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

    /// Returns whether the owner of an entity hides it from some peers.
    pub fn is_restricted(&self, id: EntityId) -> bool {
        self.world.find(id).is_some_and(Entity::is_restricted)
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
}

fn within_limits(importance: f32) -> f32 {
    match importance.is_nan() {
        true => 1.0,
        false => importance.clamp(0.01, 100.0),
    }
}
