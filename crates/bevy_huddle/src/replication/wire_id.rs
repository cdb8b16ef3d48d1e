//! The ids of entities in messages.

use huddle_mesh::PeerId;
use huddle_snapshot::id::{Creator, EntityId};
use serde::{Deserialize, Serialize};

/// An [`EntityId`] in a message. The creator is `None` for an entity of the level.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub(super) struct WireId {
    creator: Option<PeerId>,
    number: u32,
}

impl From<EntityId> for WireId {
    fn from(id: EntityId) -> Self {
        Self {
            creator: match id.creator {
                Creator::Placed => None,
                Creator::Peer(peer_id) => Some(peer_id),
            },
            number: id.number,
        }
    }
}

impl From<WireId> for EntityId {
    fn from(id: WireId) -> Self {
        match id.creator {
            None => Self::placed(id.number),
            Some(peer_id) => Self::spawned(peer_id, id.number),
        }
    }
}
