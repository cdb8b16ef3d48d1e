//! Clients with and without extensions in the rooms and `?next=N` queues of a server. They lose
//! their connections and return. The messages that each client receives always agree with the
//! members of its room or group.

use std::{collections::BTreeMap, time::Duration};

use arbitrary::Arbitrary;
use matchbox_protocol::{PeerEvent, PeerId};
use uuid::Uuid;

use self::{
    client::{Client, Location},
    join::{Join, Return},
};
use crate::{
    group_id::GroupIds,
    members::{limits, rest},
    message::Request,
    rooms::{JoinError, JoinRequest, Registry},
};

mod client;
mod deliver;
mod join;

/// A sequence of client actions in the rooms and queues of a server.
#[derive(Debug, Arbitrary)]
pub struct Scenario {
    keeps_places: bool,
    #[arbitrary(with = rest)]
    steps: Vec<Step>,
}

/// An action of a client. The numbers select among all clients.
#[derive(Debug, Arbitrary)]
enum Step {
    Join(Join),
    Leave(u8),
    /// The connection of the client is lost.
    Lose(u8),
    Return(u8, Return),
    /// The first client reports links to the others.
    Linked(u8, Vec<u8>),
    /// The client reports a link to every member of its group.
    LinkedWithAll(u8),
    /// The client sends a text message.
    Message(u8),
    Signal(u8, u8),
    /// Tenths of a second.
    Time(u8),
    /// The server ends all places.
    EndPlaces,
    /// The client sends this text.
    Text(u8, String),
}

struct World {
    registry: Registry,
    clients: BTreeMap<PeerId, Client>,
    /// The groups that the server has created, and their games.
    apps: BTreeMap<Uuid, String>,
    resume_timeout: Duration,
    now: Duration,
    last: u128,
}

impl Scenario {
    /// Runs the scenario. Panics if a client receives a wrong message.
    pub fn run(self) {
        let mut limits = limits();
        if !self.keeps_places {
            limits.resume_timeout = Duration::ZERO;
        }
        let mut world = World {
            registry: Registry::new(limits, GroupIds::new(&[])),
            clients: BTreeMap::new(),
            apps: BTreeMap::new(),
            resume_timeout: limits.resume_timeout,
            now: Duration::ZERO,
            last: 0,
        };
        for step in self.steps {
            world.step(step);
            assert_eq!(world.registry.peers(), world.clients.len());
            for (id, client) in &world.clients {
                client.check(*id, &world.clients);
            }
        }
        while let Some(peer) = world.at(0) {
            world.leave(peer);
        }
        assert_eq!((world.registry.rooms(), world.registry.peers()), (0, 0));
    }
}

impl World {
    fn at(&self, n: u8) -> Option<PeerId> {
        let at = usize::from(n).checked_rem(self.clients.len())?;
        self.clients.keys().nth(at).copied()
    }

    /// Returns the client with this number if it has a connection.
    fn connected(&self, n: u8) -> Option<PeerId> {
        self.at(n).filter(|id| self.clients[id].is_connected())
    }

    fn step(&mut self, step: Step) {
        match step {
            Step::Join(join) => {
                let request = self.request(join);
                // The result is the expected one.
                let _ = self.join(request, true);
            }
            Step::Leave(n) => {
                if let Some(peer) = self.at(n) {
                    self.leave(peer);
                }
            }
            Step::Lose(n) => {
                if let Some(peer) = self.connected(n) {
                    self.lose(peer);
                }
            }
            Step::Return(n, back) => {
                if let Some(peer) = self.at(n) {
                    let request = self.returning(peer, back);
                    let joined = self.join(request, !back.unheard);
                    if let Ok(id) = joined
                        && back.unheard
                    {
                        self.lose(id);
                    }
                }
            }
            Step::Linked(n, with) => {
                let with: Vec<_> = with.into_iter().filter_map(|n| self.at(n)).collect();
                self.linked(n, &with);
            }
            Step::LinkedWithAll(n) => {
                let with = self.at(n).map(|peer| self.clients[&peer].mates.clone());
                let with: Vec<_> = with.into_iter().flatten().collect();
                self.linked(n, &with);
            }
            Step::Message(n) => {
                if let Some(peer) = self.connected(n) {
                    self.registry.message_received(peer);
                    self.registry.confirm_session(peer);
                    self.client(peer).confirm();
                }
            }
            Step::Signal(from, to) => {
                if let (Some(from), Some(to)) = (self.connected(from), self.at(to)) {
                    let share_room = from == to || self.clients[&from].mates.contains(&to);
                    assert_eq!(self.registry.record_signal(from, to), share_room);
                }
            }
            Step::Time(tenths) => self.tick(Duration::from_millis(100) * u32::from(tenths)),
            Step::EndPlaces => {
                let deliveries = self.registry.end_places(Duration::MAX);
                self.deliver(deliveries);
                self.clients.retain(|_, client| client.lost.is_none());
            }
            Step::Text(n, text) => {
                if let Ok(Request::Linked(with)) = serde_json::from_str(&text) {
                    self.linked(n, &with);
                }
            }
        }
    }

    /// Lets a client join, and returns its id. Compares the result with the expected one.
    fn join(&mut self, mut request: JoinRequest, hears: bool) -> Result<PeerId, JoinError> {
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

    fn leave(&mut self, peer: PeerId) {
        self.clients.remove(&peer);
        let deliveries = self.registry.leave(peer);
        self.deliver(deliveries);
    }

    /// Ends the connection of a client. Only a client in a room keeps its place.
    fn lose(&mut self, peer: PeerId) {
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

    fn tick(&mut self, step: Duration) {
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

    fn linked(&mut self, n: u8, with: &[PeerId]) {
        if let Some(peer) = self.connected(n) {
            let deliveries = self.registry.set_links(peer, with);
            self.deliver(deliveries);
        }
    }
}
