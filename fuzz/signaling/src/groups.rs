//! Groups of `?next=N` among clients of all kinds: whatever they report, each is told exactly of
//! those it is with.

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
    request::arrival,
    rooms::Registry,
};

/// What clients do in a server's queues.
#[derive(Debug, Arbitrary)]
pub struct Play {
    steps: Vec<Step>,
}

#[derive(Debug, Arbitrary)]
enum Step {
    Join {
        size: u8,
        ours: bool,
        /// The group that one of those who are here was told of last.
        group_of: Option<u8>,
    },
    Leave(u8),
    /// A report of links to those who have these numbers among all who are here.
    Linked(u8, Vec<u8>),
    /// A report of links to all whom it is with.
    LinkedWithAll(u8),
    Says(u8),
    Signal(u8, u8),
    /// Tenths of a second.
    Time(u8),
    Text(u8, String),
}

/// What a client knows.
#[derive(Debug, Default)]
struct Client {
    ours: bool,
    mates: BTreeSet<PeerId>,
    group: Option<Uuid>,
}

struct World {
    registry: Registry,
    clients: BTreeMap<PeerId, Client>,
    last: u128,
}

impl Play {
    /// Lets it happen; panics if a client is told what is not so.
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
                ours,
                group_of,
            } => self.join(size % 4, ours, group_of),
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
            Step::Says(n) => {
                if let Some(peer) = self.at(n) {
                    self.registry.heard(peer);
                }
            }
            Step::Signal(from, to) => {
                if let (Some(from), Some(to)) = (self.at(from), self.at(to)) {
                    let data = serde_json::value::to_raw_value("hi").expect("JSON");
                    let data = crate::message::Payload(&data);
                    let arrives = self.registry.route(from, to, data).is_some();
                    assert_eq!(
                        arrives,
                        from == to || self.clients[&from].mates.contains(&to)
                    );
                }
            }
            Step::Time(tenths) => {
                let step = Duration::from_millis(100) * u32::from(tenths);
                let (deliveries, stopped) = self.registry.tick(step);
                self.deliver(deliveries);
                for peer in stopped {
                    assert!(self.clients[&peer].ours, "a stock client is not asked");
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

    fn join(&mut self, size: u8, ours: bool, group_of: Option<u8>) {
        let group = group_of.and_then(|n| self.clients[&self.at(n)?].group);
        let group = group.map(|id| format!("&group={}", id.simple()));
        let extends = u8::from(ours);
        let group = group.unwrap_or_default();
        let uri = format!("/a?next={}&huddle={extends}{group}", size + 1);
        let uri: Uri = uri.parse().expect("a valid URL");
        let arrival = arrival(&uri, 64).expect("a good address");
        self.last += 1;
        let peer = PeerId(Uuid::from_u128(self.last));
        if let Ok(deliveries) = self.registry.join(peer, arrival) {
            let client = Client {
                ours,
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
        let deliveries = self.registry.linked(peer, with);
        self.deliver(deliveries);
    }

    fn deliver(&mut self, deliveries: Vec<Delivery<'static>>) {
        for Delivery { event, to } in deliveries {
            for to in to {
                let client = self.clients.get_mut(&to).expect("a client who is here");
                match &event {
                    Event::Matchbox(PeerEvent::IdAssigned(id)) => assert_eq!(*id, to),
                    &Event::Matchbox(PeerEvent::NewPeer(new)) => {
                        assert!(client.mates.insert(new), "told once");
                        let new = self.clients.get_mut(&new).expect("a client who is here");
                        assert!(new.mates.insert(to), "one of two is told");
                    }
                    Event::Matchbox(PeerEvent::PeerLeft(left)) => {
                        assert!(client.mates.remove(left), "was with it");
                    }
                    Event::Matchbox(PeerEvent::Signal { .. }) => panic!("nobody sent it"),
                    Event::Extension(Extension::Group(stage)) => {
                        assert!(client.ours, "a stock client would not understand");
                        client.group = match *stage {
                            Stage::Waiting => None,
                            Stage::Full(id) | Stage::Linked(id) => Some(id),
                        };
                    }
                    Event::Extension(Extension::Members(members)) => {
                        assert!(client.ours, "a stock client would not understand");
                        assert!(!members.contains(&to), "the receiver is no news");
                    }
                }
            }
        }
    }
}
