//! Compares the registry with a simple model of rooms. All members are stock clients.

use std::{num::NonZeroUsize, time::Duration};

use arbitrary::{Arbitrary, Unstructured};
use http::Uri;
use matchbox_protocol::{PeerEvent, PeerId};
use uuid::Uuid;

use crate::{
    decoders::check_refusal,
    group_id::GroupIds,
    message::{Delivery, Payload, Request},
    player::Timing,
    request::{Refusal, join_request},
    rooms::{Limits, Registry, RoomKey},
    settings::SettingsChange,
    text,
};

/// The maximum number of members. It is small, so that rooms fill up.
pub(crate) const MAX_MEMBERS: usize = 5;
pub(crate) const MAX_PEERS: usize = 12;

/// Returns the limits of a small server.
pub(crate) fn limits() -> Limits {
    Limits {
        max_peers: MAX_PEERS,
        max_members: MAX_MEMBERS,
        timing: Timing {
            request_interval: Duration::from_secs(2),
            silence_timeout: Duration::from_secs(5),
            link_timeout: Duration::from_secs(10),
        },
        resume_timeout: Duration::from_secs(10),
    }
}

/// A sequence of client actions.
#[derive(Debug, Arbitrary)]
pub struct Scenario {
    #[arbitrary(with = rest)]
    steps: Vec<Step>,
}

/// Reads values until the input is empty.
pub(crate) fn rest<'a, T: Arbitrary<'a>>(u: &mut Unstructured<'a>) -> arbitrary::Result<Vec<T>> {
    let mut all = Vec::new();
    while !u.is_empty() {
        all.push(u.arbitrary()?);
    }
    Ok(all)
}

/// An action of a client.
#[derive(Debug)]
enum Step {
    /// A new client requests the room of this URL.
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
                u.choose(&["/a", "/a?next=2", "/a?next=3", "/b/a", "/b?next=1"])?
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

/// The model: the key of each room or group, whether it takes new members, and its members.
#[derive(Default)]
struct Rooms {
    groups: Vec<(RoomKey, bool, Vec<PeerId>)>,
}

impl Rooms {
    /// Returns the group with this key that takes new members.
    fn open(&mut self, key: &RoomKey) -> Option<&mut (RoomKey, bool, Vec<PeerId>)> {
        self.groups
            .iter_mut()
            .find(|(group_key, is_open, _)| *is_open && group_key == key)
    }

    /// Returns the members of the peer's group.
    fn members(&self, peer: PeerId) -> Option<&[PeerId]> {
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
        if let Some((_, is_open, members)) = self.open(&key) {
            members.push(peer);
            *is_open = members.len() < size;
        }
    }

    /// Removes a peer from its group, and returns the remaining members.
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

impl Scenario {
    /// Runs the scenario. Panics if the registry and the model differ.
    pub fn run(self) {
        let mut registry = Registry::new(limits(), GroupIds::new(&[]));
        let mut rooms = Rooms::default();
        let mut peers = Vec::new();
        let mut last = 0;
        for step in self.steps {
            match step {
                Step::Join(text) => {
                    let Some(mut join_request) = text
                        .parse::<Uri>()
                        .ok()
                        .and_then(|uri| join_request(&uri, MAX_MEMBERS).ok())
                    else {
                        continue;
                    };
                    join_request.has_extensions = false;
                    // The target `lobby` contains rooms with settings.
                    join_request.settings = SettingsChange::default();
                    let key = join_request.key.clone();
                    last += 1;
                    let peer = PeerId(Uuid::from_u128(last));
                    let others = rooms
                        .open(&key)
                        .map(|(_, _, members)| members.clone())
                        .unwrap_or_default();
                    let is_full = peers.len() >= MAX_PEERS || others.len() >= MAX_MEMBERS;
                    match registry.join(peer, join_request) {
                        Ok((id, deliveries)) => {
                            assert!(!is_full);
                            assert_eq!(id, peer);
                            let expected = [
                                (PeerEvent::IdAssigned(peer), vec![peer]),
                                (PeerEvent::NewPeer(peer), others),
                            ];
                            let expected = expected.map(|(event, to)| Delivery::new(event, to));
                            assert_eq!(with_receivers(deliveries), with_receivers(expected));
                            rooms.join(peer, key);
                            peers.push(peer);
                        }
                        Err(why) => {
                            assert!(is_full);
                            let refusal = Refusal::from_join_error(why, MAX_PEERS);
                            assert!(refusal.status().is_server_error());
                            check_refusal(refusal);
                        }
                    }
                }
                Step::Leave(n) => {
                    let Some(at) = usize::from(n).checked_rem(peers.len()) else {
                        continue;
                    };
                    let peer = peers.swap_remove(at);
                    let left = Delivery::new(PeerEvent::PeerLeft(peer), rooms.leave(peer));
                    let deliveries = registry.leave(peer);
                    assert_eq!(with_receivers(deliveries), with_receivers([left]));
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

/// Returns the deliveries that have receivers.
fn with_receivers<'a>(deliveries: impl IntoIterator<Item = Delivery<'a>>) -> Vec<Delivery<'a>> {
    let deliveries = deliveries.into_iter();
    deliveries
        .filter(|delivery| !delivery.to.is_empty())
        .collect()
}

/// Checks that only members of the same room can send each other signals, which do not change.
fn signal(registry: &mut Registry, rooms: &Rooms, sender: PeerId, receiver: PeerId, data: Payload) {
    let share_room = rooms
        .members(sender)
        .is_some_and(|room| room.contains(&receiver));
    assert_eq!(registry.record_signal(sender, receiver), share_room);
    let delivery = Delivery::new(PeerEvent::Signal { sender, data }, vec![receiver]);
    let json = serde_json::to_string(&delivery.event).expect("JSON");
    let received: PeerEvent<Payload> = serde_json::from_str(&json).expect("JSON");
    assert_eq!(received, PeerEvent::Signal { sender, data });
}
