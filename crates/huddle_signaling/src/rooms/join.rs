//! Clients that join a room or queue.

use std::num::NonZeroUsize;

use matchbox_protocol::{PeerEvent, PeerId};

use super::{JoinError, JoinRequest, Location, Registry, Room, RoomKey};
use crate::{
    message::{Delivery, Event, Extension, Stage},
    queue::Queue,
};

/// The maximum number of members in the list for a newcomer. A mesh of more peers does not work,
/// and the message must stay short in a room of any size.
pub(super) const MAX_LISTED: usize = 32;

/// Returns the message that lists the other members of a room for a newcomer, or `None` if there
/// are none.
fn member_list(others: &[PeerId], newcomer: PeerId) -> Option<Delivery<'static>> {
    let listed: Vec<_> = others.iter().take(MAX_LISTED).copied().collect();
    let event = Event::Extension(Extension::Members(listed));
    (!others.is_empty()).then(|| Delivery::new(event, vec![newcomer]))
}

impl Registry {
    /// Adds a client to the requested room: as `new_id`, or with its previous id if it takes its
    /// place again. Returns its id. The caller must send the first delivery before any other
    /// message to this client.
    pub(crate) fn join(
        &mut self,
        new_id: PeerId,
        join_request: JoinRequest,
    ) -> Result<(PeerId, Vec<Delivery<'static>>), JoinError> {
        if let Some(resumed) = self.resume(&join_request) {
            return resumed;
        }
        let access = &join_request.access;
        if access.has_expired {
            return Err(JoinError::TokenExpired);
        }
        if access.is_extra {
            return Err(JoinError::TooManyClients);
        }
        if self.tokens.is_taken(access.token.as_ref(), new_id) {
            return Err(JoinError::TokenInUse);
        }
        if self.peers.len() >= self.limits.max_peers {
            return Err(JoinError::ServerFull);
        }
        let token = access.token.clone();
        let deliveries = self.enter(new_id, join_request)?;
        self.tokens.set(new_id, token);
        Ok((new_id, deliveries))
    }

    /// Adds `peer`, a new id, to the requested room or queue.
    fn enter(
        &mut self,
        peer: PeerId,
        join_request: JoinRequest,
    ) -> Result<Vec<Delivery<'static>>, JoinError> {
        let JoinRequest {
            key,
            has_extensions,
            group,
            access,
            ..
        } = join_request;
        let mut deliveries = vec![Delivery::new(PeerEvent::IdAssigned(peer), vec![peer])];
        let group = self.linked_group(&key, has_extensions, group);
        let room = match (group, key.next) {
            (Some(group), _) => RoomKey::of_group(key.app, group),
            (None, None) => key,
            (None, Some(size)) => {
                deliveries.extend(self.session(peer, has_extensions));
                deliveries.extend(self.enter_queue(peer, key, size, has_extensions));
                return Ok(deliveries);
            }
        };
        let limit = access.limit(self.limits.max_members);
        let announced = self.enter_room(peer, room, limit)?;
        deliveries.extend(self.session(peer, has_extensions));
        if has_extensions {
            deliveries.extend(member_list(&announced.to, peer));
            deliveries.extend(self.doubtful(&announced.to, peer));
        }
        deliveries.push(announced);
        let stage = group.map(|group| Event::Extension(Extension::Group(Stage::Linked(group))));
        deliveries.extend(stage.map(|stage| Delivery::new(stage, vec![peer])));
        Ok(deliveries)
    }

    /// Adds `peer` to the queue for groups of `size`.
    fn enter_queue(
        &mut self,
        peer: PeerId,
        key: RoomKey,
        size: NonZeroUsize,
        has_extensions: bool,
    ) -> Vec<Delivery<'static>> {
        let id = match self.queue_of.get(&key) {
            Some(id) => *id,
            None => {
                let id = self.next_id();
                self.queue_of.insert(key.clone(), id);
                let ids = self.group_ids.of_app(&key.app);
                let queue = Queue::new(size.get(), self.limits.timing, ids);
                self.queues.insert(id, (key, queue));
                id
            }
        };
        let ticket = self.next_id();
        self.peers.insert(peer, Location::Queue(id, ticket));
        if let Some((_, queue)) = self.queues.get_mut(&id) {
            queue.join(ticket, peer, has_extensions, self.now);
        }
        self.take_results(id)
    }

    /// Adds `peer` to the room with this name, unless it has `limit` members. `limit` must be at
    /// least 1.
    fn enter_room(
        &mut self,
        peer: PeerId,
        name: RoomKey,
        limit: usize,
    ) -> Result<Delivery<'static>, JoinError> {
        let id = match self.names.get(&name) {
            Some(id) => *id,
            None => {
                let id = self.next_id();
                self.names.insert(name.clone(), id);
                let members = Vec::new();
                let name = Some(name);
                self.rooms.insert(id, Room { members, name });
                id
            }
        };
        let Some(room) = self.rooms.get_mut(&id) else {
            return Err(JoinError::RoomFull);
        };
        if room.members.len() >= limit {
            return Err(JoinError::RoomFull);
        }
        let others = room.members.clone();
        room.members.push(peer);
        self.peers.insert(peer, Location::Room(id));
        Ok(Delivery::new(PeerEvent::NewPeer(peer), others))
    }
}
