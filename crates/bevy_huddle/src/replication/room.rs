use bevy::prelude::*;
use huddle_snapshot::{ComponentId, id::EntityId};

use super::{codec::ValueBuffer, entities::EntityMap, rule::RoomRules, waiting::Waiting};

/// The replicated entities of a room in the world. A component of the room entity.
#[derive(Component, Default)]
pub(crate) struct RoomReplication {
    pub(crate) rules: RoomRules,
    pub(crate) entities: EntityMap,
    /// Whether another peer was in the room, which inherits what the local peer leaves.
    pub(crate) has_met_peers: bool,
    /// The budget of each link.
    pub(crate) bytes_per_second: u32,
    /// The components of the local peer that refer to entities without an id.
    pub(crate) without_id: Waiting<Entity>,
    /// The received components that refer to entities which have not arrived.
    pub(crate) not_here: Waiting<EntityId>,
}

impl RoomReplication {
    /// Sets which values of an entity of the local peer wait for the ids of other entities.
    pub(crate) fn wait_for_ids(&mut self, id: EntityId, values: &[(ComponentId, ValueBuffer)]) {
        for (component, value) in values {
            self.without_id.set((id, *component), value.without_id());
        }
    }

    /// Forgets an id. Returns its entity.
    pub(crate) fn remove(&mut self, id: EntityId) -> Option<Entity> {
        self.without_id.remove(id);
        self.not_here.remove(id);
        self.entities.remove(id)
    }
}
