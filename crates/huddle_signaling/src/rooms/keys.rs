//! The rooms and queues that clients can name.

use matchbox_protocol::PeerId;
use uuid::Uuid;

use super::{JoinRequest, Registry, RoomKey};

impl Registry {
    /// Returns the group whose room a client enters instead of the queue that it requests.
    pub(super) fn linked_group(
        &self,
        key: &RoomKey,
        has_extensions: bool,
        group: Option<Uuid>,
    ) -> Option<Uuid> {
        // Only members of the full group have received its id, so no other client can use it. The
        // client's token is for the queue, so the id must not admit it to any other room.
        group.filter(|id| {
            let name = RoomKey::of_group(key.app.clone(), *id);
            has_extensions
                && key.next.is_some()
                && self.names.contains_key(&name)
                && self.group_ids.of_app(&key.app).has_created(*id)
        })
    }

    /// Returns the room or queue that a client enters, if no other instance has the room of its
    /// group.
    pub(crate) fn destination(&self, join_request: &JoinRequest) -> RoomKey {
        let JoinRequest {
            key,
            has_extensions,
            group,
            ..
        } = join_request;
        match self.linked_group(key, *has_extensions, *group) {
            Some(group) => RoomKey::of_group(key.app.clone(), group),
            None => key.clone(),
        }
    }

    /// Returns whether the room or queue has members.
    pub(crate) fn is_occupied(&self, key: &RoomKey) -> bool {
        self.names.contains_key(key) || self.queue_of.contains_key(key)
    }

    /// Returns the members of the room or queue with this name.
    pub(crate) fn members(&self, key: &RoomKey) -> Vec<PeerId> {
        let room = self.names.get(key).and_then(|id| self.rooms.get(id));
        let queue = self.queue_of.get(key).and_then(|id| self.queues.get(id));
        let queued = queue.into_iter().flat_map(|(_, queue)| queue.peers());
        let members = room
            .into_iter()
            .flat_map(|room| room.members.iter().copied());
        members.chain(queued).collect()
    }

    /// Returns the rooms of groups that have left their queues since the last call.
    pub(crate) fn take_formed(&mut self) -> Vec<RoomKey> {
        std::mem::take(&mut self.formed)
    }
}
