//! Resolves recipients to peers.

use bevy::prelude::*;
use huddle_mesh::PeerId;

use crate::{
    message::recipients::Recipients,
    peer::components::{Peer, PeerOf},
    room::link::RoomLink,
};

/// A resolved recipient.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Target {
    Peer { room: Entity, peer_id: PeerId },
    Local { room: Entity },
    UnknownPeer(PeerId),
    UnknownEntity,
}

/// The rooms and peers to which recipients may resolve.
pub(super) struct Lookup<'a, 'w, 's> {
    pub(super) rooms: &'a [Entity],
    pub(super) links: &'a Query<'w, 's, &'static mut RoomLink>,
    pub(super) peers: &'a Query<'w, 's, (&'static Peer, &'static PeerOf)>,
}

impl Lookup<'_, '_, '_> {
    /// Resolves `recipients`.
    pub(super) fn resolve(&self, recipients: &Recipients, targets: &mut Vec<Target>) {
        targets.clear();
        match recipients {
            Recipients::Others | Recipients::All => {
                for &room in self.rooms {
                    self.add_room(room, targets);
                }
                // Once, even if the player is in several rooms.
                if *recipients == Recipients::All
                    && let Some(&room) = self.rooms.first()
                {
                    targets.push(Target::Local { room });
                }
            }
            Recipients::Peer(peer_id) => self.add_peer(*peer_id, targets),
            Recipients::Peers(peers) => {
                for &peer_id in peers {
                    self.add_peer(peer_id, targets);
                }
            }
            Recipients::Entity(entity) => self.add_entity(*entity, targets),
            Recipients::Entities(entities) => {
                for &entity in entities {
                    self.add_entity(entity, targets);
                }
            }
        }
    }

    fn add_room(&self, room: Entity, targets: &mut Vec<Target>) {
        let Ok(link) = self.links.get(room) else {
            return;
        };
        for peer_id in link
            .peers
            .present()
            .filter(|&peer_id| !link.peers.is_matchbox_client(peer_id))
        {
            add(targets, Target::Peer { room, peer_id });
        }
    }

    fn add_peer(&self, peer_id: PeerId, targets: &mut Vec<Target>) {
        let here = self.rooms.iter().find_map(|&room| {
            let link = self.links.get(room).ok()?;
            if link.local_id() == peer_id {
                Some(Target::Local { room })
            } else {
                link.peers
                    .entity(peer_id)
                    .map(|_| Target::Peer { room, peer_id })
            }
        });
        add(targets, here.unwrap_or(Target::UnknownPeer(peer_id)));
    }

    fn add_entity(&self, entity: Entity, targets: &mut Vec<Target>) {
        if let Ok((peer, room)) = self.peers.get(entity) {
            let (room, peer_id) = (room.0, peer.id);
            let is_local = self
                .links
                .get(room)
                .is_ok_and(|link| link.local_id() == peer_id);
            let target = if is_local {
                Target::Local { room }
            } else {
                Target::Peer { room, peer_id }
            };
            add(targets, target);
        } else if self.links.contains(entity) {
            self.add_room(entity, targets);
        } else {
            add(targets, Target::UnknownEntity);
        }
    }
}

fn add(targets: &mut Vec<Target>, target: Target) {
    // The local player has a different id in each room, but receives the event only once.
    let is_local = |target: &Target| matches!(target, Target::Local { .. });
    let is_twice = is_local(&target) && targets.iter().any(is_local);
    if !is_twice && !targets.contains(&target) {
        targets.push(target);
    }
}
