//! Clients with and without extensions in `?next=N` queues. The messages that each client receives
//! always agree with the members of its group.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use arbitrary::Arbitrary;
use http::Uri;
use matchbox_protocol::{PeerEvent, PeerId};
use uuid::Uuid;

use crate::{
    members::limits,
    message::{Delivery, Event, Extension, Request, Stage},
    request::join_request,
    rooms::Registry,
};

/// A sequence of client actions in the queues of a server.
#[derive(Debug, Arbitrary)]
pub struct Scenario {
    steps: Vec<Step>,
}

#[derive(Debug, Arbitrary)]
enum Step {
    Join {
        size: u8,
        has_extensions: bool,
        /// The client requests the group whose id this client received last.
        group_of: Option<u8>,
    },
    Leave(u8),
    /// The first client reports links to the others. The numbers select among all clients.
    Linked(u8, Vec<u8>),
    /// The client reports a link to every member of its group.
    LinkedWithAll(u8),
    /// The client sends a text message.
    Message(u8),
    Signal(u8, u8),
    /// Tenths of a second.
    Time(u8),
    /// The client sends this text.
    Text(u8, String),
}

/// A client, and the messages that it has received from the server.
#[derive(Debug, Default)]
struct Client {
    has_extensions: bool,
    mates: BTreeSet<PeerId>,
    group: Option<Uuid>,
}

struct World {
    registry: Registry,
    clients: BTreeMap<PeerId, Client>,
    last: u128,
}

impl Scenario {
    /// Runs the scenario. Panics if a client receives a wrong message.
    pub fn run(self) {
        let mut world = World {
            registry: Registry::new(limits()),
            clients: BTreeMap::new(),
            last: 0,
        };
        for step in self.steps {
            world.step(step);
            assert_eq!(world.registry.peers(), world.clients.len());
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

    fn step(&mut self, step: Step) {
        match step {
            Step::Join {
                size,
                has_extensions,
                group_of,
            } => self.join(size % 4, has_extensions, group_of),
            Step::Leave(n) => {
                if let Some(peer) = self.at(n) {
                    self.leave(peer);
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
                if let Some(peer) = self.at(n) {
                    self.registry.message_received(peer);
                }
            }
            Step::Signal(from, to) => {
                if let (Some(from), Some(to)) = (self.at(from), self.at(to)) {
                    let data = serde_json::value::to_raw_value("hi").expect("JSON");
                    let data = crate::message::Payload(&data);
                    let is_relayed = self.registry.route(from, to, data).is_some();
                    assert_eq!(
                        is_relayed,
                        from == to || self.clients[&from].mates.contains(&to)
                    );
                }
            }
            Step::Time(tenths) => {
                let step = Duration::from_millis(100) * u32::from(tenths);
                let (deliveries, stopped) = self.registry.tick(step);
                self.deliver(deliveries);
                for peer in stopped {
                    assert!(
                        self.clients[&peer].has_extensions,
                        "a stock client never counts as stopped"
                    );
                    self.leave(peer);
                }
            }
            Step::Text(n, text) => {
                if let Ok(Request::Linked(with)) = serde_json::from_str(&text) {
                    self.linked(n, &with);
                }
            }
        }
    }

    fn join(&mut self, size: u8, has_extensions: bool, group_of: Option<u8>) {
        let group = group_of.and_then(|n| self.clients[&self.at(n)?].group);
        let group = group.map(|id| format!("&group={}", id.simple()));
        let huddle = u8::from(has_extensions);
        let group = group.unwrap_or_default();
        let uri = format!("/a?next={}&huddle={huddle}{group}", size + 1);
        let uri: Uri = uri.parse().expect("a valid URL");
        let join_request = join_request(&uri, 64).expect("a valid request");
        self.last += 1;
        let peer = PeerId(Uuid::from_u128(self.last));
        if let Ok(deliveries) = self.registry.join(peer, join_request) {
            let client = Client {
                has_extensions,
                ..Client::default()
            };
            self.clients.insert(peer, client);
            self.deliver(deliveries);
        }
    }

    fn leave(&mut self, peer: PeerId) {
        self.clients.remove(&peer);
        let deliveries = self.registry.leave(peer);
        self.deliver(deliveries);
    }

    fn linked(&mut self, n: u8, with: &[PeerId]) {
        let Some(peer) = self.at(n) else {
            return;
        };
        let deliveries = self.registry.set_links(peer, with);
        self.deliver(deliveries);
    }

    fn deliver(&mut self, deliveries: Vec<Delivery<'static>>) {
        for Delivery { event, to } in deliveries {
            for to in to {
                let client = self.clients.get_mut(&to).expect("a connected client");
                match &event {
                    Event::Matchbox(PeerEvent::IdAssigned(id)) => assert_eq!(*id, to),
                    &Event::Matchbox(PeerEvent::NewPeer(new)) => {
                        assert!(client.mates.insert(new), "announced twice");
                        let new = self.clients.get_mut(&new).expect("a connected client");
                        assert!(new.mates.insert(to), "both received `NewPeer`");
                    }
                    Event::Matchbox(PeerEvent::PeerLeft(left)) => {
                        assert!(client.mates.remove(left), "was not announced");
                    }
                    Event::Matchbox(PeerEvent::Signal { .. }) => panic!("no client sent a signal"),
                    Event::Extension(Extension::Group(stage)) => {
                        assert!(client.has_extensions, "sent to a stock client");
                        client.group = match *stage {
                            Stage::Waiting => None,
                            Stage::Full(id) | Stage::Linked(id) => Some(id),
                        };
                    }
                    Event::Extension(Extension::Members(members)) => {
                        assert!(client.has_extensions, "sent to a stock client");
                        assert!(!members.contains(&to), "the list contains its receiver");
                    }
                }
            }
        }
    }
}
