//! A client as it is on the server, and the members of its room as it knows them.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use matchbox_protocol::PeerId;
use uuid::Uuid;

use crate::{message::ResumeSecret, rooms::RoomKey};

/// The room or queue of a client.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Location {
    Queue(RoomKey),
    /// `None` if no client can join it.
    Room(Option<RoomKey>),
}

/// A client, and the messages that it has received from the server.
#[derive(Debug)]
pub(super) struct Client {
    pub(super) has_extensions: bool,
    pub(super) location: Location,
    pub(super) token: Option<u8>,
    /// The other members of its room or group.
    pub(super) mates: BTreeSet<PeerId>,
    /// The members that the client knows, and whether each is doubtful.
    pub(super) view: BTreeMap<PeerId, bool>,
    pub(super) group: Option<Uuid>,
    /// All secrets of its place, the newest one last.
    pub(super) issued: Vec<ResumeSecret>,
    /// The secrets that are valid.
    pub(super) valid: Vec<ResumeSecret>,
    /// The time of the loss of its connection.
    pub(super) lost: Option<Duration>,
    /// Whether the client receives messages. If it does not, its connection is about to be lost.
    pub(super) hears: bool,
}

impl Client {
    pub(super) fn new(has_extensions: bool, location: Location) -> Self {
        Self {
            has_extensions,
            location,
            token: None,
            mates: BTreeSet::new(),
            view: BTreeMap::new(),
            group: None,
            issued: Vec::new(),
            valid: Vec::new(),
            lost: None,
            hears: true,
        }
    }

    /// Returns the room that the client is in, if it has a name.
    pub(super) fn room(&self) -> Option<&RoomKey> {
        match &self.location {
            Location::Room(room) => room.as_ref(),
            Location::Queue(_) => None,
        }
    }

    /// Returns the key of the client's room or queue.
    pub(super) fn key(&self) -> Option<&RoomKey> {
        match &self.location {
            Location::Room(room) => room.as_ref(),
            Location::Queue(queue) => Some(queue),
        }
    }

    pub(super) fn is_connected(&self) -> bool {
        self.lost.is_none() && self.hears
    }

    /// Records a new secret.
    pub(super) fn issue(&mut self, secret: ResumeSecret) {
        self.issued.push(secret);
        self.valid.push(secret);
    }

    /// Records that the client has received its newest secret, so that no other one is valid.
    pub(super) fn confirm(&mut self) {
        let newest = self.valid.pop();
        self.valid = newest.into_iter().collect();
    }

    /// Records a member that makes an offer to the client.
    pub(super) fn learn(&mut self, member: PeerId) {
        if self.is_connected() {
            self.view.entry(member).or_insert(false);
        }
    }

    /// Checks that the client knows the members of its room.
    pub(super) fn check(&self, id: PeerId, clients: &BTreeMap<PeerId, Client>) {
        for mate in &self.mates {
            assert!(clients[mate].mates.contains(&id), "{mate} misses {id}");
        }
        if !self.is_connected() {
            return;
        }
        if self.has_extensions {
            let is_doubtful = |mate: &PeerId| (*mate, clients[mate].lost.is_some());
            let expected = self.mates.iter().map(is_doubtful);
            assert_eq!(self.view, expected.collect(), "the view of {id}");
            return;
        }
        // A stock client learns about a doubtful member when that member returns.
        assert!(self.view.keys().all(|known| self.mates.contains(known)));
        let mates = self.mates.iter();
        let mut connected = mates.filter(|mate| clients[mate].is_connected());
        assert!(connected.all(|mate| self.view.contains_key(mate)));
    }
}
