//! Rooms and their members, stock clients all, held against a model that is plain and slow.

use std::{num::NonZeroUsize, time::Duration};

use arbitrary::{Arbitrary, Unstructured};
use http::Uri;
use matchbox_protocol::{PeerEvent, PeerId};
use uuid::Uuid;

use crate::{
    message::{Delivery, Payload, Request},
    player::Timing,
    request::{Refusal, arrival},
    rooms::{Limits, Registry, RoomKey},
    text,
};

/// Small, so that rooms fill up.
const MAX_MEMBERS: usize = 5;
const MAX_PEERS: usize = 12;

/// What a small server allows.
pub(crate) fn limits() -> Limits {
    Limits {
        max_peers: MAX_PEERS,
        max_members: MAX_MEMBERS,
        timing: Timing {
            ask_every: Duration::from_secs(2),
            silence: Duration::from_secs(5),
            link: Duration::from_secs(10),
        },
    }
}

/// A server's life.
#[derive(Debug, Arbitrary)]
pub struct Play {
    #[arbitrary(with = rest)]
    steps: Vec<Step>,
}

/// As many as the input has bytes for.
fn rest(u: &mut Unstructured) -> arbitrary::Result<Vec<Step>> {
    let mut all = Vec::new();
    while !u.is_empty() {
        all.push(u.arbitrary()?);
    }
    Ok(all)
}

/// What clients do.
#[derive(Debug)]
enum Step {
    /// One asks for a room and joins it.
    Join(String),
    Leave(u8),
    Message {
        from: u8,
        text: String,
    },
}

impl<'a> Arbitrary<'a> for Step {
    fn arbitrary(u: &mut Unstructured<'a>) -> arbitrary::Result<Self> {
        Ok(match u.int_in_range(0..=7)? {
            0..=2 => Self::Join(
                u.choose(&["/a", "/a?next=2", "/a?next=3", "/b", "/b?next=1"])?
                    .to_string(),
            ),
            3 => Self::Join(text::request(u)?),
            4 => Self::Leave(u.arbitrary()?),
            _ => {
                let receiver = Uuid::from_u128(u.int_in_range(0..=32)?);
                Self::Message {
                    from: u.arbitrary()?,
                    text: text::message(u, receiver)?,
                }
            }
        })
    }
}

/// The rooms as anybody would understand them.
#[derive(Default)]
struct Rooms {
    groups: Vec<(RoomKey, bool, Vec<PeerId>)>,
}

impl Rooms {
    /// The open group of that key, if there is one.
    fn open(&mut self, key: &RoomKey) -> Option<&mut (RoomKey, bool, Vec<PeerId>)> {
        self.groups
            .iter_mut()
            .find(|(of, open, _)| *open && of == key)
    }

    fn of(&self, peer: PeerId) -> Option<&[PeerId]> {
        self.groups
            .iter()
            .map(|(_, _, members)| members.as_slice())
            .find(|members| members.contains(&peer))
    }

    fn join(&mut self, peer: PeerId, key: RoomKey) {
        let size = key.next.map_or(usize::MAX, NonZeroUsize::get);
        if self.open(&key).is_none() {
            self.groups.push((key.clone(), true, Vec::new()));
        }
        if let Some((_, open, members)) = self.open(&key) {
            members.push(peer);
            *open = members.len() < size;
        }
    }

    /// Takes a peer out of their room, and returns who stays there.
    fn leave(&mut self, peer: PeerId) -> Vec<PeerId> {
        let mut left = Vec::new();
        for (_, _, members) in &mut self.groups {
            if members.contains(&peer) {
                members.retain(|member| *member != peer);
                left.clone_from(members);
            }
        }
        self.groups.retain(|(_, _, members)| !members.is_empty());
        left
    }
}

impl Play {
    /// Lets it happen; panics if the registry does anything but what the plain rooms do.
    pub fn run(self) {
        let mut registry = Registry::new(limits());
        let mut rooms = Rooms::default();
        let mut peers = Vec::new();
        let mut last = 0;
        for step in self.steps {
            match step {
                Step::Join(text) => {
                    let Some(mut arrival) = text
                        .parse::<Uri>()
                        .ok()
                        .and_then(|uri| arrival(&uri, MAX_MEMBERS).ok())
                    else {
                        continue;
                    };
                    arrival.extends = false;
                    let key = arrival.key.clone();
                    last += 1;
                    let peer = PeerId(Uuid::from_u128(last));
                    let others = rooms
                        .open(&key)
                        .map(|(_, _, members)| members.clone())
                        .unwrap_or_default();
                    let full = peers.len() >= MAX_PEERS || others.len() >= MAX_MEMBERS;
                    match registry.join(peer, arrival) {
                        Ok(deliveries) => {
                            assert!(!full);
                            let told = [
                                (PeerEvent::IdAssigned(peer), vec![peer]),
                                (PeerEvent::NewPeer(peer), others),
                            ];
                            let told = told.map(|(event, to)| Delivery::new(event, to));
                            assert_eq!(heard(deliveries), heard(told));
                            rooms.join(peer, key);
                            peers.push(peer);
                        }
                        Err(why) => {
                            assert!(full);
                            let refusal = Refusal::from_full(why, MAX_MEMBERS);
                            assert!(refusal.status().is_server_error());
                            assert!((4000..5000).contains(&refusal.close_code()));
                        }
                    }
                }
                Step::Leave(n) => {
                    let Some(at) = usize::from(n).checked_rem(peers.len()) else {
                        continue;
                    };
                    let peer = peers.swap_remove(at);
                    let left = Delivery::new(PeerEvent::PeerLeft(peer), rooms.leave(peer));
                    assert_eq!(heard(registry.leave(peer)), heard([left]));
                }
                Step::Message { from, text } => {
                    let Some(at) = usize::from(from).checked_rem(peers.len()) else {
                        continue;
                    };
                    let Ok(Request::Signal { receiver, data }) = serde_json::from_str(&text) else {
                        continue;
                    };
                    signal(&mut registry, &rooms, peers[at], receiver, data);
                }
            }
            assert_eq!(registry.peers(), peers.len());
            assert_eq!(registry.rooms(), rooms.groups.len());
        }
    }
}

/// Those of which anybody hears.
fn heard<'a>(deliveries: impl IntoIterator<Item = Delivery<'a>>) -> Vec<Delivery<'a>> {
    let deliveries = deliveries.into_iter();
    deliveries
        .filter(|delivery| !delivery.to.is_empty())
        .collect()
}

/// A signal reaches its receiver and nobody else, byte by byte, and only within a room.
fn signal(registry: &mut Registry, rooms: &Rooms, sender: PeerId, receiver: PeerId, data: Payload) {
    let delivery = registry.route(sender, receiver, data);
    let together = rooms
        .of(sender)
        .is_some_and(|room| room.contains(&receiver));
    let Some(delivery) = delivery else {
        return assert!(!together);
    };
    assert!(together);
    assert_eq!(delivery.to, [receiver]);
    let json = serde_json::to_string(&delivery.event).expect("JSON");
    let received: PeerEvent<Payload> = serde_json::from_str(&json).expect("JSON");
    assert_eq!(received, PeerEvent::Signal { sender, data });
}
