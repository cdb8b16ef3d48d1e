//! A peer of the transport benchmark that uses `huddle_mesh`.

use anyhow::bail;
use bytes::Bytes;
use huddle_mesh::{PeerId, Room, RoomConfig, RoomEvent, SendError, Signaling};
use transport_peer::{Channel, Event, Transport};

struct Huddle {
    room: Room,
    is_in_room: bool,
}

impl Transport for Huddle {
    type Peer = PeerId;

    fn join(room: &str) -> anyhow::Result<Self> {
        Ok(Self {
            room: Room::join(RoomConfig::new(room)?)?,
            is_in_room: false,
        })
    }

    fn local_id(&mut self) -> Option<PeerId> {
        self.room.local_id().filter(|_| self.is_in_room)
    }

    fn poll(&mut self, events: &mut Vec<Event<PeerId>>) -> anyhow::Result<()> {
        while let Some(event) = self.room.poll() {
            match event {
                RoomEvent::Signaling(Signaling::Connected { .. }) => self.is_in_room = true,
                RoomEvent::PeerJoined { peer_id, .. } => events.push(Event::Joined(peer_id)),
                RoomEvent::PeerLeft { peer_id, .. } => events.push(Event::Left(peer_id)),
                RoomEvent::Packet { peer_id, bytes, .. } => {
                    events.push(Event::Message(peer_id, bytes));
                }
                RoomEvent::Failed(error) => return Err(error.into()),
                _ => {}
            }
        }
        Ok(())
    }

    fn send(&mut self, peer: PeerId, channel: Channel, bytes: Bytes) -> anyhow::Result<bool> {
        let channel = match channel {
            Channel::Unreliable => huddle_mesh::Channel::State,
            Channel::Reliable => huddle_mesh::Channel::Events,
            Channel::Bulk => huddle_mesh::Channel::Bulk,
        };
        match self.room.send(peer, channel, bytes) {
            Ok(()) => Ok(true),
            Err(SendError::Full(_) | SendError::NoLink) => Ok(false),
            Err(error) => bail!(error),
        }
    }
}

fn main() -> anyhow::Result<()> {
    transport_peer::run::<Huddle>()
}
