use std::fmt;

use bytes::Bytes;
use huddle_id::PeerId;

use crate::{
    channel::Channel,
    config::{RoomConfig, Route},
    core::RESERVED_BYTE,
    event::{RoomError, RoomEvent, SendError},
    ice_url,
    limits::MAX_MESSAGE_LEN,
    platform::{self, Handle},
    room_url::RoomUrl,
    stats::LinkStats,
};

/// What the mesh itself may queue on a channel between a look at the credit and the sending, in bytes.
const MESH_MESSAGES: usize = 256;

/// A room that this player is in, from [`Room::join`] until it is dropped.
///
/// Natively the network runs on a thread of its own; in a browser it runs between frames. Either
/// way links stay alive while the game does not call, and what it does not read is bounded.
///
/// ```no_run
/// use bytes::Bytes;
/// use huddle_mesh::{Channel, Room, RoomConfig, RoomEvent};
///
/// let mut room = Room::join(RoomConfig::new("ws://localhost:3536/my-room")?)?;
/// loop {
///     while let Some(event) = room.poll() {
///         if let RoomEvent::PeerJoined { peer_id: peer, .. } = event {
///             room.send(peer, Channel::Events, Bytes::from_static(b"hello"))?;
///         }
///     }
/// #   break;
/// }
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct Room {
    url: RoomUrl,
    handle: Handle,
}

impl Room {
    /// Joins a room. Returns at once; what comes of it is told by [`Room::poll`].
    ///
    /// # Errors
    /// If the configuration cannot work, or this machine cannot run the network: a browser without
    /// WebRTC, an ICE server that the browser or this platform refuses. A server that cannot be reached is not an error: it is tried again for as long as the room is wanted.
    pub fn join(config: RoomConfig) -> Result<Self, RoomError> {
        check_config(&config)?;
        let url = config.url.clone();
        let handle = Handle::join(config)?;
        Ok(Self { url, handle })
    }

    /// Returns the id of the local peer, which is the same on every machine.
    ///
    /// A browser takes a few milliseconds to create a certificate, from which the id is made. Until
    /// then the room has no id and no other event than [`RoomEvent::Failed`].
    pub fn local_id(&self) -> Option<PeerId> {
        self.handle.local_id()
    }

    /// The address that was joined.
    pub fn url(&self) -> &RoomUrl {
        &self.url
    }

    /// The next thing that happened. Call it every frame until it returns `None`.
    pub fn poll(&mut self) -> Option<RoomEvent> {
        self.handle.poll()
    }

    /// How many bytes a channel to `peer` takes now, for sure; 0 without a link.
    pub fn credit(&self, peer: PeerId, channel: Channel) -> usize {
        let queued = self.handle.queued(peer, channel);
        queued.map_or(0, |queued| {
            channel.send_limit().saturating_sub(queued + MESH_MESSAGES)
        })
    }

    /// Sends to `peer`. What is accepted is handed to the network, in order.
    ///
    /// # Errors
    /// If there is no link, if the channel's queue is full, or if the message is not one that a
    /// channel carries. Nothing is sent then.
    pub fn send(&mut self, peer: PeerId, channel: Channel, bytes: Bytes) -> Result<(), SendError> {
        if bytes.len() > MAX_MESSAGE_LEN {
            return Err(SendError::TooLarge(bytes.len()));
        }
        if bytes.first() == Some(&RESERVED_BYTE) {
            return Err(SendError::ReservedByte);
        }
        let queued = self.handle.queued(peer, channel).ok_or(SendError::NoLink)?;
        if queued + bytes.len() > channel.send_limit() {
            return Err(SendError::Full(channel));
        }
        self.handle.send(peer, channel, bytes)
    }

    /// What is known about the link to `peer`; `None` if they are not here.
    pub fn stats(&self, peer: PeerId) -> Option<LinkStats> {
        self.handle.stats(peer)
    }

    /// Cuts `peer` off, for as long as this room lasts: both sides see the other leave at once,
    /// and no link is opened again. Others are not concerned.
    pub fn disconnect(&mut self, peer: PeerId) {
        self.handle.disconnect(peer);
    }

    /// Tells the other peers that the platform stops this game, or lets it run again.
    ///
    /// A game that does not call [`poll`](Self::poll) for a second counts as busy; the mesh notices
    /// that automatically, and browsers report frozen pages. Call this where only the game knows, such
    /// as on a phone's pause event.
    pub fn set_frozen(&mut self, is_frozen: bool) {
        self.handle.set_frozen(is_frozen);
    }

    /// Leaves, and lets the farewell go out in the background.
    ///
    /// Dropping the room leaves too, but natively waits for the farewell, up to 200 ms, because
    /// the program may be about to end.
    pub fn leave(self) {
        self.handle.leave();
    }
}

impl fmt::Debug for Room {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Room")
            .field("url", &self.url.to_string())
            .field("local_id", &self.local_id())
            .finish_non_exhaustive()
    }
}

/// Refuses what can never work before anything is opened.
fn check_config(config: &RoomConfig) -> Result<(), RoomError> {
    config.ice_servers.iter().try_for_each(ice_url::check)?;
    let has_relay = config
        .ice_servers
        .iter()
        .any(crate::config::IceServer::is_turn);
    if config.route == Route::RelayOnly && !has_relay {
        return Err(RoomError::NoRelay);
    }
    platform::check(config)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::IceServer;

    #[test]
    fn ice_mistakes_are_named_before_anything_is_opened() {
        let config = RoomConfig::new("ws://localhost:1/room").unwrap();
        let error = Room::join(config.clone().relay_only()).unwrap_err();
        assert_eq!(error, RoomError::NoRelay);
        for url in [
            "turn.example.org",
            "turn:",
            "http://stun.example.org",
            "turn://host",
        ] {
            let config = config.clone().with_ice_server(IceServer::stun(url));
            assert_eq!(
                Room::join(config).unwrap_err(),
                RoomError::IceServer(url.into())
            );
        }
    }
}
