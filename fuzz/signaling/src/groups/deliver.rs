//! The messages of the server, and what the clients learn from them.

use std::collections::BTreeSet;

use matchbox_protocol::{PeerEvent, PeerId};
use uuid::Uuid;

use super::{
    client::{Client, Location},
    world::World,
};
use crate::message::{Delivery, Event, Extension, Session, Stage};

impl World {
    pub(super) fn deliver(&mut self, deliveries: Vec<Delivery<'static>>) {
        for Delivery { event, to } in deliveries {
            for to in to {
                match &event {
                    Event::Matchbox(event) => self.receive(to, event),
                    Event::Extension(extension) => self.receive_extension(to, extension),
                }
            }
        }
    }

    pub(super) fn client(&mut self, id: PeerId) -> &mut Client {
        self.clients.get_mut(&id).expect("a client of the server")
    }

    fn receive<S: Clone>(&mut self, to: PeerId, event: &PeerEvent<S>) {
        let client = self.client(to);
        let hears = client.is_connected();
        match *event {
            PeerEvent::IdAssigned(id) => assert_eq!(id, to),
            PeerEvent::NewPeer(new) => {
                assert!(client.mates.insert(new), "announced twice");
                if hears {
                    assert_eq!(client.view.insert(new, false), None, "announced twice");
                }
                let new = self.client(new);
                assert!(new.mates.insert(to), "both received `NewPeer`");
                if hears {
                    new.learn(to);
                }
            }
            PeerEvent::PeerLeft(left) => {
                assert!(client.mates.remove(&left), "was not announced");
                if hears {
                    client.view.remove(&left);
                }
            }
            PeerEvent::Signal { .. } => panic!("no client sent a signal"),
        }
    }

    fn receive_extension(&mut self, to: PeerId, extension: &Extension) {
        let client = self.client(to);
        assert!(client.has_extensions, "sent to a stock client");
        assert!(client.lost.is_none(), "sent to a lost client");
        match extension {
            Extension::Group(stage) => self.set_stage(to, *stage),
            Extension::Members(members) => {
                assert!(!members.contains(&to), "the list contains its receiver");
                if client.hears {
                    client.view.extend(members.iter().map(|id| (*id, false)));
                }
            }
            Extension::Session(session) => self.take_place(to, session),
            Extension::Doubtful(other) => {
                if client.hears {
                    let known = client.view.insert(*other, true);
                    assert_eq!(known, Some(false), "unknown or already doubtful");
                }
            }
            Extension::Resumed(other) => {
                if client.hears {
                    let known = client.view.insert(*other, false);
                    assert!(known.is_some(), "unknown");
                }
            }
            // The target `lobby` contains rooms with settings.
            Extension::Room(status) => {
                let location = client.location.clone();
                let keeper = &self.clients[&status.keeper];
                assert_eq!(keeper.location, location, "a member of another room");
            }
            Extension::IceServers(_) => panic!("the registry has no TURN servers"),
        }
    }

    fn set_stage(&mut self, to: PeerId, stage: Stage) {
        let client = self.client(to);
        client.group = match stage {
            Stage::Waiting => None,
            Stage::Full(id) | Stage::Linked(id) => Some(id),
        };
        let app = client.key().map(|key| key.app.clone());
        if let Some(id) = client.group {
            self.apps.insert(id, app.expect("a queue or a room"));
            if matches!(stage, Stage::Linked(_)) {
                self.enter_room_of_group(to, id);
            }
        }
    }

    /// Moves the members of a linked group from their queue to the room of the group.
    fn enter_room_of_group(&mut self, member: PeerId, group: Uuid) {
        let room = Location::Room(Some(self.room_of(group)));
        let client = self.client(member);
        if matches!(client.location, Location::Room(_)) {
            return assert_eq!(client.location, room);
        }
        let mates = client.mates.clone();
        for (id, client) in &mut self.clients {
            if *id == member || mates.contains(id) {
                client.location = room.clone();
            } else if client.location == room {
                // Clients have created a room with the name of the group before it was linked.
                client.location = Location::Room(None);
            }
        }
    }

    /// Gives a client a new secret. A client that returns replaces the members that it knows, and
    /// makes an offer to those that are new.
    fn take_place(&mut self, to: PeerId, session: &Session) {
        let timeout_ms = u128::from(session.timeout_ms);
        assert_eq!(timeout_ms, self.resume_timeout.as_millis());
        let client = self.client(to);
        client.issue(session.resume);
        let Some(members) = &session.members else {
            return;
        };
        let listed: BTreeSet<_> = members.iter().copied().collect();
        assert_eq!((listed.len(), &listed), (members.len(), &client.mates));
        if !client.hears {
            return;
        }
        let view = members.iter().map(|id| (*id, false)).collect();
        let known = std::mem::replace(&mut client.view, view);
        for member in members.iter().filter(|id| !known.contains_key(id)) {
            self.client(*member).learn(to);
        }
    }
}
