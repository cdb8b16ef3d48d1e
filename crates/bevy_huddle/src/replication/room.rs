use bevy::prelude::*;
use huddle_snapshot::{ComponentId, id::EntityId};

use super::{codec::ValueBuffer, entities::EntityMap, references::References, rule::RoomRules};

/// The replicated entities of a room in the world. A component of the room entity.
#[derive(Component, Default)]
pub(crate) struct RoomReplication {
    pub(crate) rules: RoomRules,
    pub(crate) entities: EntityMap,
    /// Whether another peer was in the room, which inherits what the local peer leaves.
    pub(crate) has_met_peers: bool,
    /// The budget of each link.
    pub(crate) bytes_per_second: u32,
    /// What the components of the local peer refer to.
    pub(crate) sent: References<Entity>,
    /// What the received components refer to.
    pub(crate) received: References<EntityId>,
}

impl RoomReplication {
    /// Sets what the values of an entity of the local peer refer to.
    pub(crate) fn set_sent(&mut self, id: EntityId, values: &[(ComponentId, ValueBuffer)]) {
        let version = self.entities.version();
        for (component, value) in values {
            let targets = value.references();
            self.sent.set((id, *component), targets, version);
        }
    }

    /// Forgets an id. Returns its entity.
    pub(crate) fn remove(&mut self, id: EntityId) -> Option<Entity> {
        self.sent.remove(id);
        self.received.remove(id);
        self.entities.remove(id)
    }
}
