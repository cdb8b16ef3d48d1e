//! Clients with and without extensions in the rooms and `?next=N` queues of a server. They lose
//! their connections and return. The messages that each client receives always agree with the
//! members of its room or group.

use std::{collections::BTreeMap, time::Duration};

use self::{
    join::{Join, Return},
    world::World,
};
use crate::{
    group_id::GroupIds,
    members::{limits, rest},
    message::Request,
    rooms::Registry,
};
use arbitrary::Arbitrary;

mod client;
mod deliver;
mod join;
mod world;

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
}
