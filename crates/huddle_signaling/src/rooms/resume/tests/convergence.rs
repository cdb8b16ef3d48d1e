//! The views of all members converge, whatever happens to their connections.

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;

use super::*;

#[derive(Debug, Clone)]
enum Step {
    Join {
        room: usize,
        has_extensions: bool,
    },
    /// The connection of this client, modulo the number of clients, is lost.
    Lose(usize),
    /// This client connects with its secret. It may still have a connection.
    Resume(usize),
    /// The same, but the connection is lost again before the client receives a message.
    ResumeUnheard(usize),
    Leave(usize),
    Tick(u64),
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let join =
        (0..2_usize, prop::bool::weighted(0.7)).prop_map(|(room, has_extensions)| Step::Join {
            room,
            has_extensions,
        });
    let step = prop_oneof![
        3 => join,
        3 => any::<usize>().prop_map(Step::Lose),
        3 => any::<usize>().prop_map(Step::Resume),
        1 => any::<usize>().prop_map(Step::ResumeUnheard),
        1 => any::<usize>().prop_map(Step::Leave),
        2 => (0..12_000_u64).prop_map(Step::Tick),
    ];
    prop::collection::vec(step, 1..80)
}

/// A client, and the members of its room as it knows them from its messages.
#[derive(Debug)]
struct Client {
    room: usize,
    has_extensions: bool,
    secret: Option<ResumeSecret>,
    /// The time of the loss of its connection.
    lost: Option<Duration>,
    /// The known members, and whether each is doubtful.
    view: BTreeMap<PeerId, bool>,
    /// The keeper of its room.
    keeper: Option<PeerId>,
}

struct World {
    registry: Registry,
    clients: BTreeMap<PeerId, Client>,
    now: Duration,
    last_id: u128,
}

impl World {
    fn members(&self, room: usize) -> usize {
        let in_room = |client: &&Client| client.room == room;
        self.clients.values().filter(in_room).count()
    }

    fn pick(&self, index: usize) -> Option<PeerId> {
        let ids: Vec<_> = self.clients.keys().copied().collect();
        (!ids.is_empty()).then(|| ids[index % ids.len()])
    }

    fn request(room: usize, has_extensions: bool, resume: Option<ResumeSecret>) -> JoinRequest {
        JoinRequest {
            has_extensions,
            resume,
            ..request(key(["a", "b"][room], 0))
        }
    }

    fn join(&mut self, room: usize, has_extensions: bool, resume: Option<ResumeSecret>) {
        self.last_id += 1;
        let new_id = peer(self.last_id);
        let request = Self::request(room, has_extensions, resume);
        let is_full = self.members(room) == MAX_MEMBERS;
        let expected = resume.and_then(|secret| {
            let mut clients = self.clients.iter();
            let holder = clients.find(|(_, client)| client.secret == Some(secret));
            holder.map(|(id, _)| *id)
        });
        let (id, deliveries) = match self.registry.join(new_id, request) {
            Ok(joined) => joined,
            Err(error) => {
                assert_eq!(error, JoinError::RoomFull { max: MAX_MEMBERS });
                assert!(is_full && expected.is_none(), "refused without a reason");
                return;
            }
        };
        assert_eq!(id, expected.unwrap_or(new_id));
        match self.clients.get_mut(&id) {
            Some(client) => client.lost = None,
            None => {
                assert!(!is_full, "the room has too many members");
                let client = Client {
                    room,
                    has_extensions,
                    secret: None,
                    lost: None,
                    view: BTreeMap::new(),
                    keeper: None,
                };
                self.clients.insert(id, client);
            }
        }
        assert_eq!(deliveries[0].event, PeerEvent::IdAssigned(id).into());
        self.deliver(deliveries);
        self.registry.confirm_session(id);
    }

    /// Lets a client take its place again, and lose the connection before it receives a message.
    fn resume_unheard(&mut self, id: PeerId) {
        let client = self.clients.get_mut(&id).unwrap();
        client.lost = Some(self.now);
        let request = Self::request(client.room, true, client.secret);
        let (resumed, deliveries) = self.registry.join(peer(u128::MAX), request).unwrap();
        assert_eq!(resumed, id, "its secret is still valid");
        self.deliver(deliveries);
        let deliveries = self.registry.lose(id);
        self.deliver(deliveries);
    }

    fn deliver(&mut self, deliveries: Vec<Delivery<'static>>) {
        for Delivery { event, to } in deliveries {
            for receiver in to {
                self.receive(receiver, &event);
            }
        }
    }

    /// Lets a client handle a message. The server drops messages to lost connections.
    fn receive(&mut self, receiver: PeerId, event: &Event<'static>) {
        let Some(client) = self.clients.get_mut(&receiver).filter(|c| c.lost.is_none()) else {
            return;
        };
        let is_extension = matches!(event, Event::Extension(_));
        assert!(client.has_extensions || !is_extension, "{event:?}");
        // The peers to which the client makes an offer, and which thus learn about it.
        let mut offers = Vec::new();
        match event {
            Event::Matchbox(PeerEvent::IdAssigned(id)) => assert_eq!(*id, receiver),
            Event::Matchbox(PeerEvent::NewPeer(other)) => {
                assert_eq!(client.view.insert(*other, false), None, "announced twice");
                offers.push(*other);
            }
            Event::Matchbox(PeerEvent::PeerLeft(other)) => {
                client.view.remove(other);
            }
            Event::Extension(Extension::Members(members)) => {
                client.view.extend(members.iter().map(|id| (*id, false)));
            }
            Event::Extension(Extension::Session(session)) => {
                client.secret = Some(session.resume);
                if let Some(members) = &session.members {
                    let known = std::mem::take(&mut client.view);
                    client.view = members.iter().map(|id| (*id, false)).collect();
                    let unknown = members.iter().filter(|id| !known.contains_key(id));
                    offers.extend(unknown.copied());
                }
            }
            Event::Extension(Extension::Doubtful(other)) => {
                assert_eq!(client.view.insert(*other, true), Some(false));
            }
            Event::Extension(Extension::Resumed(other)) => {
                assert!(client.view.insert(*other, false).is_some());
            }
            Event::Extension(Extension::Room(status)) => client.keeper = Some(status.keeper),
            other => panic!("unexpected {other:?}"),
        }
        for other in offers {
            let other = self.clients.get_mut(&other).unwrap();
            if other.lost.is_none() {
                other.view.entry(receiver).or_insert(false);
            }
        }
    }

    fn leave(&mut self, id: PeerId) {
        self.clients.remove(&id);
        let deliveries = self.registry.leave(id);
        self.deliver(deliveries);
    }

    fn step(&mut self, step: Step) {
        match step {
            Step::Join {
                room,
                has_extensions,
            } => self.join(room, has_extensions, None),
            Step::Tick(ms) => self.tick(Duration::from_millis(ms)),
            Step::Lose(index)
            | Step::Resume(index)
            | Step::ResumeUnheard(index)
            | Step::Leave(index) => {
                let Some(id) = self.pick(index) else {
                    return;
                };
                let client = self.clients.get_mut(&id).unwrap();
                let (room, secret) = (client.room, client.secret);
                match step {
                    Step::Resume(_) if secret.is_some() => self.join(room, true, secret),
                    Step::ResumeUnheard(_) if secret.is_some() => self.resume_unheard(id),
                    Step::Lose(_) if client.lost.is_some() => {}
                    Step::Lose(_) if client.has_extensions => {
                        client.lost = Some(self.now);
                        let deliveries = self.registry.lose(id);
                        self.deliver(deliveries);
                    }
                    Step::Lose(_) => {
                        self.clients.remove(&id);
                        let deliveries = self.registry.lose(id);
                        self.deliver(deliveries);
                    }
                    _ => self.leave(id),
                }
            }
        }
    }

    fn tick(&mut self, step: Duration) {
        let now = self.now;
        let has_ended = |lost: Duration| lost + RESUME_TIMEOUT <= now;
        self.clients
            .retain(|_, client| !client.lost.is_some_and(has_ended));
        self.now += step;
        let (deliveries, stopped) = self.registry.tick(step);
        assert_eq!(stopped, []);
        self.deliver(deliveries);
    }

    /// Checks that every connected client knows the members and the keeper of its room.
    fn check(&self) {
        assert_eq!(self.registry.peers(), self.clients.len());
        for (id, client) in &self.clients {
            if client.lost.is_some() {
                continue;
            }
            let in_room =
                |(other, member): &(&PeerId, &Client)| *other != id && member.room == client.room;
            let members = self.clients.iter().filter(in_room);
            if client.has_extensions {
                let expected = members.map(|(id, member)| (*id, member.lost.is_some()));
                assert_eq!(client.view, expected.collect(), "the view of {id}");
                // Later clients have higher ids.
                let mut clients = self.clients.iter();
                let earliest = clients.find(|(_, member)| member.room == client.room);
                assert_eq!(client.keeper, earliest.map(|(id, _)| *id), "keeper of {id}");
                continue;
            }
            // A stock client learns about a doubtful member when that member returns.
            let members: Vec<_> = members.collect();
            let all: BTreeSet<_> = members.iter().map(|(id, _)| **id).collect();
            let connected = members.iter().filter(|(_, member)| member.lost.is_none());
            let connected: BTreeSet<_> = connected.map(|(id, _)| **id).collect();
            let known: BTreeSet<_> = client.view.keys().copied().collect();
            assert!(known.is_subset(&all), "{id} knows a client that left");
            assert!(connected.is_subset(&known), "{id} misses a member");
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn views_converge_for_any_losses_and_returns(steps in steps()) {
        let mut world = World {
            registry: registry(),
            clients: BTreeMap::new(),
            now: Duration::ZERO,
            last_id: 0,
        };
        for step in steps {
            world.step(step);
            world.check();
        }
        world.tick(RESUME_TIMEOUT);
        world.tick(TICK);
        world.check();
        prop_assert!(world.clients.values().all(|client| client.lost.is_none()));
        while let Some(id) = world.pick(0) {
            world.leave(id);
        }
        prop_assert_eq!((world.registry.rooms(), world.registry.peers()), (0, 0));
        prop_assert!(world.registry.names.is_empty());
    }
}
