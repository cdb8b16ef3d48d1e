use bevy::{ecs::system::SystemParam, prelude::*};
use bytes::Bytes;
use huddle_mesh::PeerId;
use huddle_session::{MAX_EVENT_LEN, QueueError, codec};
use thiserror::Error;

use crate::{
    events::MessageError,
    message::{
        recipients::Recipients,
        registry::{Declared, MessageKinds, PeerMessage},
    },
    peer::components::{Peer, PeerOf},
    room::{components::Rooms, link::RoomLink},
};

/// Sends events at once, and returns who does not get them.
///
/// [`broadcast`](crate::HuddleCommandsExt::broadcast) and [`ToPeers`](crate::ToPeers) are enough
/// for events now and then. This is for many events: a game learns which peers have too much
/// waiting already, and can hold back.
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
/// /// How many chunks a peer has been sent.
/// #[derive(Component)]
/// struct Sent(usize);
///
/// fn send_map(map: Res<Map>, mut peers: Query<(Entity, &mut Sent)>, mut sender: PeerSender) {
///     for (peer, mut sent) in &mut peers {
///         while let Some(chunk) = map.0.get(sent.0) {
///             match sender.try_send(peer, chunk) {
///                 Ok(()) => sent.0 += 1,
///                 // The rest waits for the next frame.
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

/// Why an event does not reach every recipient.
///
/// ```
/// use bevy::prelude::*;
/// use bevy_huddle::{PeerSender, prelude::*};
/// use serde::{Deserialize, Serialize};
///
/// #[derive(Serialize, Deserialize)]
/// struct Shot;
///
/// fn shoot(mut sender: PeerSender) {
///     if let Err(error) = sender.try_send(Recipients::All, &Shot) {
///         for missed in error.missed() {
///             println!("{:?} does not get the shot: {}", missed.peer, missed.error);
///         }
///     }
/// }
/// # bevy::ecs::system::assert_is_system(shoot);
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum TrySendError {
    /// These recipients do not get the event. The other ones do.
    #[error("{}", list(.0))]
    Missed(Vec<Missed>),
    /// There is no room.
    #[error("there is no room: call `commands.join_room(\"ws://host:3536/name\")` first")]
    NoRoom,
    /// No recipient gets the event.
    #[error(transparent)]
    Refused(#[from] MessageError),
}

/// A recipient who does not get an event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Missed {
    /// The peer; `None` for an entity that is neither a peer nor a room.
    pub peer: Option<PeerId>,
    /// Why, and what to do.
    pub error: MessageError,
}

impl TrySendError {
    /// The recipients who do not get the event while the other ones do. Empty if none gets it.
    pub fn missed(&self) -> &[Missed] {
        match self {
            Self::Missed(missed) => missed,
            Self::NoRoom | Self::Refused(_) => &[],
        }
    }

    /// The peers among [`missed`](Self::missed), to send the event to them again.
    pub fn missed_peers(&self) -> impl Iterator<Item = PeerId> {
        self.missed().iter().filter_map(|missed| missed.peer)
    }

    /// Whether all that is wrong is that too much waits for the peers that miss the event. It can
    /// be sent to them once they have received some of it.
    pub fn is_full(&self) -> bool {
        let is_full =
            |missed: &Missed| matches!(missed.error, MessageError::Queue(QueueError::Full { .. }));
        !self.missed().is_empty() && self.missed().iter().all(is_full)
    }
}

/// The text of [`TrySendError::Missed`].
fn list(missed: &[Missed]) -> String {
    /// How many recipients the text names.
    const MAX_NAMED: usize = 3;

    let mut texts: Vec<_> = missed
        .iter()
        .take(MAX_NAMED)
        .map(|Missed { peer, error }| match peer {
            Some(peer) => format!("{peer} does not get the event: {error}"),
            None => format!("a recipient does not get the event: {error}"),
        })
        .collect();
    if let more @ 1.. = missed.len().saturating_sub(MAX_NAMED) {
        texts.push(format!("{more} more recipients do not get it"));
    }
    texts.join("; ")
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
    /// Sends an event to the recipients who take it. Declare its type with
    /// [`add_peer_event`](crate::HuddleAppExt::add_peer_event).
    ///
    /// # Errors
    /// If a recipient does not get it: [`TrySendError::Missed`] names each of them and why. The
    /// other recipients get it all the same, so send it again only to
    /// [`missed_peers`](TrySendError::missed_peers), if [`is_full`](TrySendError::is_full).
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
        let mut missed = Vec::new();
        self.queue(event, &payload, |(peer, error)| {
            missed.push(Missed { peer, error });
        });
        if missed.is_empty() {
            Ok(())
        } else {
            Err(TrySendError::Missed(missed))
        }
    }

    /// How many bytes of events a peer has not confirmed.
    pub fn queued(&self, peer: PeerId) -> usize {
        self.links.iter().map(|link| link.queued(peer)).sum()
    }

    /// Sends an event to the recipients who take it, and reports the others.
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
        if !self.is_in_room() {
            return failed((None, MessageError::NoRoom));
        }
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

    fn is_in_room(&self) -> bool {
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
                }
                // Once, in however many rooms this player is.
                if *recipients == Recipients::Everyone
                    && let Some(&room) = self.rooms().first()
                {
                    targets.push(Target::Me { room });
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
        let peer = match target {
            Target::Peer { peer, .. } => Some(peer),
            _ => None,
        };
        link.check_kind(event).map_err(|error| (peer, error))?;
        if let Some(peer) = peer {
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
    // This player has an id in each room, and gets the event once.
    let is_me = |target: &Target| matches!(target, Target::Me { .. });
    let is_twice = is_me(&target) && targets.iter().any(is_me);
    if !is_twice && !targets.contains(&target) {
        targets.push(target);
    }
}
