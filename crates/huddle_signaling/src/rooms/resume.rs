//! Members that lose their connection, and take their place again.

use std::time::Duration;

use matchbox_protocol::{PeerEvent, PeerId};

use super::{JoinError, JoinRequest, Location, Registry, RoomId, RoomKey};
use crate::message::{Delivery, Event, Extension, ResumeSecret, Session, Stage};

#[cfg(test)]
mod tests;

/// The time for each client in which a restarted server gets all of its clients back: 133 per
/// second.
const SPREAD_PER_CLIENT: Duration = Duration::from_micros(7500);
/// The shortest of these times, for a server with few clients.
const SHORTEST_SPREAD: Duration = Duration::from_secs(4);
/// The longest of these times. A newcomer may have to wait as long for a linked player.
const LONGEST_SPREAD: Duration = Duration::from_secs(30);

/// Returns the time within which `clients` should return after the server has restarted.
fn spread(clients: usize) -> Duration {
    let clients = u32::try_from(clients).unwrap_or(u32::MAX);
    SPREAD_PER_CLIENT
        .saturating_mul(clients)
        .clamp(SHORTEST_SPREAD, LONGEST_SPREAD)
}

fn milliseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

impl Registry {
    /// Records that the connection of `peer` was lost. A member of a room with extensions keeps its
    /// place. Every other client leaves: while a client waits for a group, its game must answer.
    pub(crate) fn lose(&mut self, peer: PeerId) -> Vec<Delivery<'static>> {
        match self.peers.get(&peer) {
            Some(&Location::Room(room)) if self.places.lose(peer, self.now) => {
                let to = self.informed_members(room, peer);
                let event = Event::Extension(Extension::Doubtful(peer));
                vec![Delivery::new(event, to)]
            }
            _ => self.leave(peer),
        }
    }

    /// Records a message from the connection of `peer`, which shows that it has received its secret.
    pub(crate) fn confirm_session(&mut self, peer: PeerId) {
        self.places.confirm(peer);
    }

    /// Returns the id of the client with the secret in the request.
    pub(crate) fn place(&self, join_request: &JoinRequest) -> Option<PeerId> {
        let secret = join_request
            .resume
            .filter(|_| join_request.has_extensions)?;
        self.places.find(secret)
    }

    /// Returns the id with which the client is already a player in the requested queue. It has lost
    /// that connection, which the server has not noticed yet. The caller must remove this player.
    pub(crate) fn lost_player(&self, join_request: &JoinRequest) -> Option<PeerId> {
        let peer = self.place(join_request)?;
        let Some(Location::Queue(id, _)) = self.peers.get(&peer) else {
            return None;
        };
        let (key, _) = self.queues.get(id)?;
        (*key == join_request.key).then_some(peer)
    }

    /// Lets the client take its place again. Returns `None` if it has none in the requested room.
    /// The client may still have a connection, which the caller must close.
    pub(super) fn resume(
        &mut self,
        join_request: &JoinRequest,
    ) -> Option<Result<(PeerId, Vec<Delivery<'static>>), JoinError>> {
        let JoinRequest {
            key,
            group,
            resume,
            access,
            ..
        } = join_request;
        let peer = self.place(join_request)?;
        let Some(&Location::Room(id)) = self.peers.get(&peer) else {
            return None;
        };
        let group = group.filter(|_| key.next.is_some());
        let requested = match group {
            Some(group) => RoomKey::of_group(key.app.clone(), group),
            None => key.clone(),
        };
        let room = self.rooms.get(&id)?;
        if room.name.as_ref() != Some(&requested) {
            return None;
        }
        let others = room.members.iter().copied();
        let others: Vec<_> = others.filter(|member| *member != peer).collect();
        if self.tokens.is_taken(access.token.as_ref(), peer) {
            return Some(Err(JoinError::TokenInUse));
        }
        self.tokens.set(peer, access.token.clone());
        let secret = self.places.issue(peer, *resume)?;
        let session = self.session_of(secret, Some(others.clone()));

        let to_peer = |extension| Delivery::new(Event::Extension(extension), vec![peer]);
        let mut deliveries = vec![
            Delivery::new(PeerEvent::IdAssigned(peer), vec![peer]),
            to_peer(Extension::Session(session)),
        ];
        if let Some(group) = group {
            deliveries.push(to_peer(Extension::Group(Stage::Linked(group))));
        }
        deliveries.extend(self.doubtful(&others, peer));
        deliveries.extend(self.room_status(id, vec![peer]));
        let to = self.informed_members(id, peer);
        let resumed = Event::Extension(Extension::Resumed(peer));
        deliveries.push(Delivery::new(resumed, to));
        Some(Ok((peer, deliveries)))
    }

    /// Gives a client with extensions a place, and returns the message with its secret.
    pub(super) fn session(
        &mut self,
        peer: PeerId,
        has_extensions: bool,
    ) -> Option<Delivery<'static>> {
        let secret = has_extensions.then(|| self.places.issue(peer, None))??;
        let event = Event::Extension(Extension::Session(self.session_of(secret, None)));
        Some(Delivery::new(event, vec![peer]))
    }

    fn session_of(&self, resume: ResumeSecret, members: Option<Vec<PeerId>>) -> Session {
        Session {
            resume,
            timeout_ms: milliseconds(self.limits.resume_timeout),
            spread_ms: milliseconds(spread(self.peers.len())),
            members,
        }
    }

    /// Returns the messages that list the doubtful members for a client with extensions.
    pub(super) fn doubtful(&self, members: &[PeerId], to: PeerId) -> Vec<Delivery<'static>> {
        let members = members.iter().copied();
        let doubtful = members.filter(|member| self.places.is_doubtful(*member));
        doubtful
            .map(|member| {
                let event = Event::Extension(Extension::Doubtful(member));
                Delivery::new(event, vec![to])
            })
            .collect()
    }

    /// Removes the members whose places have ended.
    pub(crate) fn end_places(&mut self, now: Duration) -> Vec<Delivery<'static>> {
        let ended = self.places.ended(now);
        ended
            .into_iter()
            .flat_map(|peer| self.leave(peer))
            .collect()
    }

    /// Returns the other members of a room that have extensions and are connected.
    fn informed_members(&self, room: RoomId, peer: PeerId) -> Vec<PeerId> {
        let Some(room) = self.rooms.get(&room) else {
            return Vec::new();
        };
        let members = room.members.iter().copied();
        let is_informed = |member: &PeerId| {
            *member != peer && self.places.contains(*member) && !self.places.is_doubtful(*member)
        };
        members.filter(is_informed).collect()
    }
}
