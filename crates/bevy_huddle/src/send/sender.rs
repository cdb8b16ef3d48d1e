//! A system parameter that sends events and returns errors.

use bevy::{ecs::system::SystemParam, prelude::*};
use bytes::Bytes;
use huddle_mesh::PeerId;
use huddle_session::{MAX_EVENT_LEN, codec};

use crate::{
    error::MessageError,
    message::{
        recipients::Recipients,
        registry::{Declared, MessageKinds, PeerMessage},
        transfer::TransferId,
    },
    peer::components::{Peer, PeerOf},
    room::{components::Rooms, link::RoomLink},
    send::{
        error::{SkippedRecipient, TrySendError},
        targets::{Lookup, Target},
    },
};

/// A system parameter that queues events immediately and returns the recipients that cannot
/// receive them.
///
/// [`broadcast`](crate::HuddleCommandsExt::broadcast) and [`ToPeers`](crate::ToPeers) suffice for
/// occasional events. Use `PeerSender` for many events: it reports full send queues, so that the
/// game can slow down.
///
/// ```
/// use bevy::prelude::*;
/// use bevy_huddle::{PeerSender, prelude::*};
/// use serde::{Deserialize, Serialize};
///
/// #[derive(Serialize, Deserialize)]
/// struct Chunk(Vec<u8>);
///
/// #[derive(Resource)]
/// struct Map(Vec<Chunk>);
///
/// /// The number of chunks sent to a peer.
/// #[derive(Component)]
/// struct Sent(usize);
///
/// fn send_map(map: Res<Map>, mut peers: Query<(Entity, &mut Sent)>, mut sender: PeerSender) {
///     for (peer, mut sent) in &mut peers {
///         while let Some(chunk) = map.0.get(sent.0) {
///             match sender.try_send(peer, chunk) {
///                 Ok(()) => sent.0 += 1,
///                 // Send the rest in a later frame.
///                 Err(error) if error.is_full() => break,
///                 Err(error) => return warn!("the map cannot be sent: {error}"),
///             }
///         }
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

/// A recipient that does not receive a message, and the reason.
pub(crate) type Failure = (Option<PeerId>, MessageError);

impl PeerSender<'_, '_> {
    /// Queues an event for each recipient that can receive it. Declare its type with
    /// [`add_peer_event`](crate::HuddleAppExt::add_peer_event).
    ///
    /// # Errors
    /// Returns an error if there is no room, if the type is not declared, or if the event cannot be
    /// encoded.
    ///
    /// Returns [`TrySendError::Skipped`] if some recipients cannot receive the event. It contains
    /// these recipients and the reasons. The other recipients still receive the event. If
    /// [`is_full`](TrySendError::is_full) returns true, send the event again later, but only to
    /// [`skipped_peers`](TrySendError::skipped_peers).
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
        self.find_targets(&recipients.into());
        let mut skipped = Vec::new();
        self.queue(event, &payload, |(peer_id, error)| {
            skipped.push(SkippedRecipient { peer_id, error });
        });
        if skipped.is_empty() {
            Ok(())
        } else {
            Err(TrySendError::Skipped(skipped))
        }
    }

    /// Returns the number of bytes of events that a peer has not acknowledged.
    pub fn queued(&self, peer_id: PeerId) -> usize {
        self.links.iter().map(|link| link.queued(peer_id)).sum()
    }

    /// Queues an event for each recipient that can receive it, and reports the other recipients.
    pub(crate) fn send<T: PeerMessage>(
        &mut self,
        recipients: &Recipients,
        message: &T,
        mut failed: impl FnMut(Failure),
    ) {
        let Some(event) = self.declared::<T>() else {
            return failed((None, MessageError::NotDeclared));
        };
        if !self.is_in_room() {
            return failed((None, MessageError::NoRoom));
        }
        match codec::encode(message, MAX_EVENT_LEN) {
            Ok(payload) => {
                self.find_targets(recipients);
                self.queue(event, &payload, failed);
            }
            Err(error) => failed((None, error.into())),
        }
    }

    /// Offers a transfer to each recipient that can receive it, and reports the other recipients.
    /// Skips the local peer.
    pub(crate) fn send_transfer(
        &mut self,
        id: TransferId,
        recipients: &Recipients,
        label: &str,
        bytes: &Bytes,
        mut failed: impl FnMut(Failure),
    ) {
        if !self.is_in_room() {
            return failed((None, MessageError::NoRoom));
        }
        self.find_targets(recipients);
        for i in 0..self.targets.len() {
            let target = self.targets[i];
            if let Err(failure) = self.find(target) {
                failed(failure);
            } else if let Target::Peer { room, peer_id } = target
                && let Ok(mut link) = self.links.get_mut(room)
                && let Err(error) = link.offer(peer_id, id, label, bytes.clone())
            {
                failed((Some(peer_id), error.into()));
            }
        }
    }

    fn is_in_room(&self) -> bool {
        self.rooms.as_ref().is_some_and(|rooms| !rooms.is_empty())
    }

    fn declared<T: PeerMessage>(&self) -> Option<Declared> {
        self.kinds.as_ref()?.event::<T>()
    }

    /// Resolves `recipients` to targets.
    fn find_targets(&mut self, recipients: &Recipients) {
        let targets = Lookup {
            rooms: self.rooms.as_ref().map_or(&[], |rooms| rooms),
            links: &self.links,
            peers: &self.peers,
        };
        targets.resolve(recipients, &mut self.targets);
    }

    /// Returns the link of a target, or why the target cannot receive messages.
    fn find(&self, target: Target) -> Result<&RoomLink, Failure> {
        let (room, peer_id) = match target {
            Target::UnknownPeer(peer_id) => return Err((Some(peer_id), MessageError::UnknownPeer)),
            Target::UnknownEntity => return Err((None, MessageError::UnknownEntity)),
            Target::Local { room } => (room, None),
            Target::Peer { room, peer_id } => (room, Some(peer_id)),
        };
        let link = self.links.get(room);
        let link = link.map_err(|_| (peer_id, MessageError::UnknownPeer))?;
        if peer_id.is_some_and(|peer_id| link.peers.is_matchbox_client(peer_id)) {
            return Err((peer_id, MessageError::MatchboxClient));
        }
        Ok(link)
    }

    fn check(&self, target: Target, event: Declared, len: usize) -> Result<(), Failure> {
        let link = self.find(target)?;
        let peer_id = match target {
            Target::Peer { peer_id, .. } => Some(peer_id),
            _ => None,
        };
        link.check_kind(event).map_err(|error| (peer_id, error))?;
        if let Some(peer_id) = peer_id {
            let fits = link.session.check_event(peer_id, len);
            fits.map_err(|error| (Some(peer_id), error.into()))?;
        }
        Ok(())
    }

    fn queue(&mut self, event: Declared, payload: &Bytes, mut failed: impl FnMut(Failure)) {
        for i in 0..self.targets.len() {
            let target = self.targets[i];
            if let Err(failure) = self.check(target, event, payload.len()) {
                failed(failure);
            } else if let Target::Peer { room, .. } | Target::Local { room } = target
                && let Ok(mut link) = self.links.get_mut(room)
            {
                match target {
                    Target::Peer { peer_id, .. } => {
                        let queued = link
                            .session
                            .queue_event(peer_id, event.kind, payload.clone());
                        if let Err(error) = queued {
                            failed((Some(peer_id), error.into()));
                        }
                    }
                    _ => link.echo(event.kind, payload.clone()),
                }
            }
        }
    }
}
