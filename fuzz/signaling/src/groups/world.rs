//! A server and its clients.

use std::{collections::BTreeMap, time::Duration};

use matchbox_protocol::{PeerEvent, PeerId};
use uuid::Uuid;

use super::client::{Client, Location};
use crate::rooms::{JoinError, JoinRequest, Registry};

pub(super) struct World {
    pub(super) registry: Registry,
    pub(super) clients: BTreeMap<PeerId, Client>,
    /// The groups that the server has created, and their games.
    pub(super) apps: BTreeMap<Uuid, String>,
    pub(super) resume_timeout: Duration,
    pub(super) now: Duration,
    pub(super) last: u128,
}

impl World {
    pub(super) fn at(&self, n: u8) -> Option<PeerId> {
        let at = usize::from(n).checked_rem(self.clients.len())?;
        self.clients.keys().nth(at).copied()
    }

    /// Returns the client with this number if it has a connection.
    pub(super) fn connected(&self, n: u8) -> Option<PeerId> {
        self.at(n).filter(|id| self.clients[id].is_connected())
    }

    pub(super) fn join(
        &mut self,
        mut request: JoinRequest,
        hears: bool,
    ) -> Result<PeerId, JoinError> {
        let holder = self.holder(&request);
        assert_eq!(self.registry.place(&request), holder);
        let queue = Location::Queue(request.key.clone());
        let lost_player = holder.filter(|id| self.clients[id].location == queue);
        assert_eq!(self.registry.lost_player(&request), lost_player);
        if let Some(lost) = lost_player {
            self.leave(lost);
            request.access.is_extra = false;
        }

        self.last += 1;
        let new_id = PeerId(Uuid::from_u128(self.last));
        let joined = self.registry.join(new_id, request.clone());
        let returning = self.expected_return(&request);
        let expected = match returning {
            Some(_) if self.is_token_taken(&request, returning) => Err(JoinError::TokenInUse),
            Some(id) => Ok(id),
            None => self.expected_location(&request).map(|location| {
                let client = Client::new(request.has_extensions, location);
                self.clients.insert(new_id, client);
                new_id
            }),
        };
        assert_eq!(
            joined.as_ref().map(|(id, _)| *id).map_err(|why| *why),
            expected
        );
        let (id, deliveries) = joined?;
        let client = self.client(id);
        client.valid = request
            .resume
            .filter(|_| returning.is_some())
            .into_iter()
            .collect();
        client.lost = None;
        client.hears = hears;
        let token = request.access.token;
        client.token = token.map(|token| token.id.parse().expect("a number"));
        assert_eq!(deliveries[0].event, PeerEvent::IdAssigned(id).into());
        assert_eq!(deliveries[0].to, [id]);
        self.deliver(deliveries);
        Ok(id)
    }

    pub(super) fn leave(&mut self, peer: PeerId) {
        self.clients.remove(&peer);
        let deliveries = self.registry.leave(peer);
        self.deliver(deliveries);
    }

    /// Ends the connection of a client. Only a client in a room keeps its place.
    pub(super) fn lose(&mut self, peer: PeerId) {
        let now = self.now;
        let client = self.client(peer);
        client.lost = Some(now);
        client.hears = true;
        let in_room = matches!(client.location, Location::Room(_));
        let keeps_place = in_room && !client.valid.is_empty();
        if !keeps_place {
            self.clients.remove(&peer);
        }
        let deliveries = self.registry.lose(peer);
        self.deliver(deliveries);
        assert_eq!(self.registry.contains(peer), keeps_place);
    }

    pub(super) fn tick(&mut self, step: Duration) {
        let (deliveries, stopped) = self.registry.tick(step);
        self.deliver(deliveries);
        let (now, timeout) = (self.now, self.resume_timeout);
        let has_ended = |lost: Duration| lost + timeout <= now;
        self.clients
            .retain(|_, client| !client.lost.is_some_and(has_ended));
        self.now += step;
        for peer in stopped {
            let client = &self.clients[&peer];
            assert!(client.has_extensions, "a stock client counts as stopped");
            let in_queue = matches!(client.location, Location::Queue(_));
            assert!(in_queue, "a member of a room counts as stopped");
            self.leave(peer);
        }
    }

    pub(super) fn linked(&mut self, n: u8, with: &[PeerId]) {
        if let Some(peer) = self.connected(n) {
            let deliveries = self.registry.set_links(peer, with);
            self.deliver(deliveries);
        }
    }
}
