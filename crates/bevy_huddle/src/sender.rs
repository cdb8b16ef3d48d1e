use bevy::{ecs::system::SystemParam, prelude::*};
use bytes::Bytes;
use huddle_mesh::PeerId;
use huddle_sync::{MAX_EVENT_LEN, QueueError, codec};
use thiserror::Error;

use crate::{
    MessageError, Peer, PeerMessage, PeerOf, Recipients,
    link::RoomLink,
    message::{Declared, MessageKinds},
    room::Rooms,
};

/// Sends events at once, and tells when that does not work.
///
/// [`broadcast`](crate::HuddleCommandsExt::broadcast) and [`ToPeers`](crate::ToPeers) are enough
/// for what is said now and then. This is for what comes in amounts: it says when too much waits
/// already, so that the game can hold back.
///
/// ```
/// use bevy::prelude::*;
/// use bevy_huddle::{PeerSender, TrySendError, prelude::*};
/// use serde::{Deserialize, Serialize};
///
/// #[derive(Serialize, Deserialize)]
/// struct Chunk(Vec<u8>);
///
/// #[derive(Resource)]
/// struct Map(Vec<Chunk>);
///
/// fn send_map(mut map: ResMut<Map>, mut sender: PeerSender) {
///     while let Some(chunk) = map.0.last() {
///         match sender.try_send(Recipients::All, chunk) {
///             Ok(()) => map.0.pop(),
///             // The rest waits for the next frame.
///             Err(TrySendError::Full { .. }) => break,
///             Err(error) => return warn!("the map cannot be sent: {error}"),
///         };
///     }
/// }
/// # bevy::ecs::system::assert_is_system(send_map);
/// ```
#[derive(SystemParam)]
pub struct PeerSender<'w, 's> {
    rooms: Option<Res<'w, Rooms>>,
    kinds: Option<Res<'w, MessageKinds>>,
    links: Query<'w, 's, &'static mut RoomLink>,
    peers: Query<'w, 's, (&'static Peer, &'static PeerOf)>,
    targets: Local<'s, Vec<Target>>,
}

/// Why an event was sent to nobody.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum TrySendError {
    /// Too much waits for one of the recipients. Once they have got some of it, it will work.
    #[error("{queued} bytes of events wait for {peer} already: send the rest later")]
    Full {
        /// For whom.
        peer: PeerId,
        /// How many bytes wait.
        queued: usize,
    },
    /// There is no room.
    #[error("there is no room: call `commands.join_room(\"ws://host:3536/name\")` first")]
    NoRoom,
    /// It will not work later either.
    #[error(transparent)]
    Refused(#[from] MessageError),
}

/// One recipient.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Target {
    Peer { room: Entity, peer: PeerId },
    Me { room: Entity },
    UnknownPeer(PeerId),
    UnknownEntity,
}

/// Something that one recipient does not get.
pub(crate) type Failure = (Option<PeerId>, MessageError);

impl PeerSender<'_, '_> {
    /// Sends an event to all recipients, or to none of them. Declare its type with
    /// [`add_peer_event`](crate::HuddleAppExt::add_peer_event).
    ///
    /// # Errors
    /// If it cannot be sent to one of them; [`TrySendError::Full`] if it is worth another try.
    pub fn try_send<T: PeerMessage>(
        &mut self,
        recipients: impl Into<Recipients>,
        message: &T,
    ) -> Result<(), TrySendError> {
        let event = self.declared::<T>().ok_or(MessageError::NotDeclared)?;
        let payload = codec::encode(message, MAX_EVENT_LEN).map_err(MessageError::from)?;
        if !self.is_in_room() {
            return Err(TrySendError::NoRoom);
        }
        self.aim(&recipients.into());
        for &target in &*self.targets {
            if let Err((peer, error)) = self.check(target, event, payload.len()) {
                return Err(match (peer, error) {
                    (Some(peer), MessageError::Queue(QueueError::Full { .. })) => {
                        TrySendError::Full {
                            peer,
                            queued: self.queued(peer),
                        }
                    }
                    (_, error) => TrySendError::Refused(error),
                });
            }
        }
        self.queue(event, &payload, |_| {});
        Ok(())
    }

    /// How many bytes of events a peer has not confirmed.
    pub fn queued(&self, peer: PeerId) -> usize {
        self.links.iter().map(|link| link.queued(peer)).sum()
    }

    /// Sends to those recipients to whom it works, and tells of the others.
    pub(crate) fn send<T: PeerMessage>(
        &mut self,
        recipients: &Recipients,
        message: &T,
        mut failed: impl FnMut(Failure),
    ) {
        let Some(event) = self.declared::<T>() else {
            return failed((None, MessageError::NotDeclared));
        };
        match codec::encode(message, MAX_EVENT_LEN) {
            Ok(payload) => {
                self.aim(recipients);
                self.queue(event, &payload, failed);
            }
            Err(error) => failed((None, error.into())),
        }
    }

    /// Offers bytes to those recipients to whom it works, and tells of the others. This player is
    /// left out.
    pub(crate) fn send_file(
        &mut self,
        recipients: &Recipients,
        label: &str,
        bytes: &Bytes,
        mut failed: impl FnMut(Failure),
    ) {
        self.aim(recipients);
        for i in 0..self.targets.len() {
            let target = self.targets[i];
            if let Err(failure) = self.find(target) {
                failed(failure);
            } else if let Target::Peer { room, peer } = target
                && let Ok(mut link) = self.links.get_mut(room)
                && let Err(error) = link.offer(peer, label, bytes.clone())
            {
                failed((Some(peer), error.into()));
            }
        }
    }

    pub(crate) fn is_in_room(&self) -> bool {
        self.rooms.as_ref().is_some_and(|rooms| !rooms.is_empty())
    }

    fn declared<T: PeerMessage>(&self) -> Option<Declared> {
        self.kinds.as_ref()?.event::<T>()
    }

    fn rooms(&self) -> &[Entity] {
        self.rooms.as_ref().map_or(&[], |rooms| rooms)
    }

    /// Finds out whom `recipients` stands for.
    fn aim(&mut self, recipients: &Recipients) {
        let mut targets = std::mem::take(&mut *self.targets);
        targets.clear();
        match recipients {
            Recipients::All | Recipients::Everyone => {
                for &room in self.rooms() {
                    self.aim_at_room(room, &mut targets);
                    if *recipients == Recipients::Everyone {
                        targets.push(Target::Me { room });
                    }
                }
            }
            Recipients::Peer(peer) => self.aim_at_peer(*peer, &mut targets),
            Recipients::Peers(peers) => {
                for &peer in peers {
                    self.aim_at_peer(peer, &mut targets);
                }
            }
            Recipients::Entity(entity) => self.aim_at_entity(*entity, &mut targets),
            Recipients::Entities(entities) => {
                for &entity in entities {
                    self.aim_at_entity(entity, &mut targets);
                }
            }
        }
        *self.targets = targets;
    }

    fn aim_at_room(&self, room: Entity, targets: &mut Vec<Target>) {
        let Ok(link) = self.links.get(room) else {
            return;
        };
        for peer in link.peers().filter(|&peer| !link.is_foreign(peer)) {
            add(targets, Target::Peer { room, peer });
        }
    }

    fn aim_at_peer(&self, peer: PeerId, targets: &mut Vec<Target>) {
        let here = self.rooms().iter().find_map(|&room| {
            let link = self.links.get(room).ok()?;
            if link.me() == peer {
                Some(Target::Me { room })
            } else {
                link.entity(peer).map(|_| Target::Peer { room, peer })
            }
        });
        add(targets, here.unwrap_or(Target::UnknownPeer(peer)));
    }

    fn aim_at_entity(&self, entity: Entity, targets: &mut Vec<Target>) {
        if let Ok((peer, room)) = self.peers.get(entity) {
            let (room, peer) = (room.0, peer.id);
            add(targets, Target::Peer { room, peer });
        } else if self.links.contains(entity) {
            self.aim_at_room(entity, targets);
        } else {
            add(targets, Target::UnknownEntity);
        }
    }

    /// Whether there is such a recipient; the link to them.
    fn find(&self, target: Target) -> Result<&RoomLink, Failure> {
        let (room, peer) = match target {
            Target::UnknownPeer(peer) => return Err((Some(peer), MessageError::UnknownPeer)),
            Target::UnknownEntity => return Err((None, MessageError::UnknownEntity)),
            Target::Me { room } => (room, None),
            Target::Peer { room, peer } => (room, Some(peer)),
        };
        let link = self.links.get(room);
        let link = link.map_err(|_| (peer, MessageError::UnknownPeer))?;
        if peer.is_some_and(|peer| link.is_foreign(peer)) {
            return Err((peer, MessageError::Foreign));
        }
        Ok(link)
    }

    fn check(&self, target: Target, event: Declared, len: usize) -> Result<(), Failure> {
        let link = self.find(target)?;
        link.check_kind(event).map_err(|error| (None, error))?;
        if let Target::Peer { peer, .. } = target {
            let fits = link.session.check_event(peer, len);
            fits.map_err(|error| (Some(peer), error.into()))?;
        }
        Ok(())
    }

    fn queue(&mut self, event: Declared, payload: &Bytes, mut failed: impl FnMut(Failure)) {
        for i in 0..self.targets.len() {
            let target = self.targets[i];
            if let Err(failure) = self.check(target, event, payload.len()) {
                failed(failure);
            } else if let Target::Peer { room, .. } | Target::Me { room } = target
                && let Ok(mut link) = self.links.get_mut(room)
            {
                match target {
                    Target::Peer { peer, .. } => {
                        let queued = link.session.queue_event(peer, event.kind, payload.clone());
                        if let Err(error) = queued {
                            failed((Some(peer), error.into()));
                        }
                    }
                    _ => link.echo(event.kind, payload.clone()),
                }
            }
        }
    }
}

fn add(targets: &mut Vec<Target>, target: Target) {
    if !targets.contains(&target) {
        targets.push(target);
    }
}
