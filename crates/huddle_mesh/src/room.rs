use std::fmt;

use bytes::Bytes;
use huddle_id::PeerId;

use crate::{
    channel::Channel,
    config::{IceServer, RoomConfig, Route},
    core::RESERVED_BYTE,
    event::{RoomError, RoomEvent, SendError},
    ice_url,
    limits::MAX_MESSAGE_LEN,
    platform::{self, Handle},
    room_url::RoomUrl,
    settings::{NewRoom, RoomSettings, SettingsChange, SettingsError},
    stats::LinkStats,
    token::Token,
};

/// The number of bytes that control messages may add to a send queue after the game reads the
/// credit and before it sends.
const CONTROL_RESERVE: usize = 256;

/// The local peer's membership in a room, from [`Room::join`] until it is dropped.
///
/// On native platforms, the network runs on its own thread. In a browser, it runs between frames.
/// On both, links stay open while the game does not call [`Room::poll`], and the queue of unread
/// events is bounded.
///
/// ```no_run
/// use bytes::Bytes;
/// use huddle_mesh::{Channel, Room, RoomConfig, RoomEvent};
///
/// let mut room = Room::join(RoomConfig::new("ws://localhost:3536/my-room")?)?;
/// loop {
///     while let Some(event) = room.poll() {
///         if let RoomEvent::PeerJoined { peer_id, .. } = event {
///             room.send(peer_id, Channel::Events, Bytes::from_static(b"hello"))?;
///         }
///     }
/// #   break;
/// }
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct Room {
    config: RoomConfig,
    handle: Handle,
    /// The settings of the last [`RoomEvent::SettingsChanged`].
    settings: Option<RoomSettings>,
}

impl Room {
    /// Joins a room. Returns immediately, and [`Room::poll`] reports the progress.
    ///
    /// # Errors
    /// Returns an error if the configuration is invalid or the network cannot start, for example
    /// because the browser has no WebRTC, or the platform does not support the URL of an ICE
    /// server.
    ///
    /// A signaling server that cannot be reached is not an error. The room tries again until it is
    /// dropped.
    pub fn join(config: RoomConfig) -> Result<Self, RoomError> {
        check_config(&config)?;
        let handle = Handle::join(config.clone())?;
        Ok(Self {
            config,
            handle,
            settings: None,
        })
    }

    /// Returns the id of the local peer, which is the same on every machine.
    ///
    /// The id is the hash of a certificate, which a browser needs a few milliseconds to create.
    /// Until then, this returns `None`, and the only possible event is [`RoomEvent::Failed`].
    pub fn local_id(&self) -> Option<PeerId> {
        self.handle.local_id()
    }

    /// Returns the URL that was passed to [`Room::join`], without a token.
    pub fn url(&self) -> &RoomUrl {
        &self.config.url
    }

    /// Returns the next event. Call this every frame until it returns `None`.
    pub fn poll(&mut self) -> Option<RoomEvent> {
        let event = self.handle.poll();
        if let Some(RoomEvent::SettingsChanged(settings)) = &event {
            self.settings = Some(settings.clone());
        }
        event
    }

    /// Returns the number of bytes that a channel to `peer` is guaranteed to accept now, or 0 if
    /// there is no link.
    pub fn credit(&self, peer: PeerId, channel: Channel) -> usize {
        let queued = self.handle.queued(peer, channel);
        queued.map_or(0, |queued| {
            channel
                .send_limit()
                .saturating_sub(queued + CONTROL_RESERVE)
        })
    }

    /// Queues a message to `peer`. The network sends the messages of a channel in order.
    ///
    /// # Errors
    /// Returns an error, and sends nothing, if there is no link, the channel's queue is full, or
    /// the message is too large or begins with the reserved byte 0xFF.
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

    /// Returns statistics of the link to `peer`, or `None` if the peer is not connected.
    pub fn stats(&self, peer: PeerId) -> Option<LinkStats> {
        self.handle.stats(peer)
    }

    /// Disconnects `peer` until this room is dropped.
    ///
    /// Both peers immediately see each other leave, and do not open a new link. Links to the other
    /// peers are not affected.
    pub fn disconnect(&mut self, peer: PeerId) {
        self.handle.disconnect(peer);
    }

    /// Notifies the other peers that the platform stops or resumes this game.
    ///
    /// The mesh detects automatically when the game does not call [`poll`](Self::poll) for a
    /// second, and when the browser freezes the page. Call this in other cases, for example on the
    /// pause event of a phone.
    pub fn set_frozen(&mut self, is_frozen: bool) {
        self.handle.set_frozen(is_frozen);
    }

    /// Replaces the STUN and TURN servers, for example before the credentials of a TURN server
    /// expire.
    ///
    /// All links that open from now on use the new servers. A relayed link stays open until a new
    /// link has [replaced](RoomEvent::LinkReplaced) it in the background, because a TURN server may
    /// end a relayed connection when its credentials expire. Direct links are not affected.
    ///
    /// # Errors
    /// Returns an error, and keeps the previous servers, if [`Room::join`] would reject the new
    /// ones. With [`Route::RelayOnly`], at least one must be a TURN server.
    pub fn set_ice_servers(&mut self, servers: Vec<IceServer>) -> Result<(), RoomError> {
        if servers == self.config.ice_servers {
            return Ok(());
        }
        let config = RoomConfig {
            ice_servers: servers,
            ..self.config.clone()
        };
        check_config(&config)?;
        self.handle.set_ice_servers(config.ice_servers.clone());
        self.config = config;
        Ok(())
    }

    /// Sets the token for the signaling server, usually after
    /// [`RoomEvent::TokenNeeded`]. If the room is not connected, it connects immediately.
    /// Otherwise, the next connection uses the token. An empty text removes the token.
    pub fn set_token(&mut self, token: impl Into<String>) {
        let token = Token::new(token);
        self.config.token.clone_from(&token);
        self.handle.set_token(token);
    }

    /// Changes settings of the room. The server then sends the new settings to every member, which
    /// [`RoomEvent::SettingsChanged`] reports.
    ///
    /// If the connection to the server is lost, the change follows when the room is connected again
    /// and the local peer is still the keeper. If the server has forgotten the room, for example
    /// because it was restarted, its new keeper restores the last settings. It closes a closed room
    /// again only after a minute, so that all members can return first.
    ///
    /// # Errors
    /// Returns an error, and changes nothing, if the server has not sent the room's settings yet, if
    /// the local peer is not the keeper, or if a value cannot be used.
    pub fn change_settings(&mut self, change: SettingsChange) -> Result<(), SettingsError> {
        change.check()?;
        let settings = self.settings.as_ref().ok_or(SettingsError::Unknown)?;
        if !settings.is_keeper {
            return Err(SettingsError::NotKeeper);
        }
        self.handle.change_settings(change);
        Ok(())
    }

    /// Leaves the room, and sends the goodbye to the other peers in the background.
    ///
    /// Dropping the room also leaves it. On native platforms, the drop blocks for up to 200 ms
    /// until the goodbye is sent, because the program may be about to exit.
    pub fn leave(self) {
        self.handle.leave();
    }
}

impl fmt::Debug for Room {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Room")
            .field("url", &self.config.url.to_string())
            .field("local_id", &self.local_id())
            .finish_non_exhaustive()
    }
}

/// Rejects a configuration that can never work, before the room opens any connection.
fn check_config(config: &RoomConfig) -> Result<(), RoomError> {
    config.ice_servers.iter().try_for_each(ice_url::check)?;
    config.new_room.check()?;
    if config.url.group_size().is_some() && config.new_room != NewRoom::default() {
        return Err(SettingsError::Group.into());
    }
    let has_relay = config.ice_servers.iter().any(IceServer::is_turn);
    // The signaling server may offer one later.
    if config.route == Route::RelayOnly && !has_relay && !config.uses_server_ice {
        return Err(RoomError::NoRelay);
    }
    platform::check(config)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn join_rejects_unusable_ice_servers() {
        let config = RoomConfig::new("ws://localhost:1/room").unwrap();
        let without_relay = config.clone().relay_only().ignore_server_ice();
        let error = Room::join(without_relay).unwrap_err();
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

    #[test]
    fn join_rejects_unusable_settings_of_a_new_room() {
        let config = |url| RoomConfig::new(url).unwrap().listed();
        for (config, error) in [
            (
                config("ws://localhost:1/room").with_capacity(0),
                SettingsError::NoCapacity,
            ),
            (
                config("ws://localhost:1/room").with_metadata("x".repeat(257)),
                SettingsError::MetadataTooLong(257),
            ),
            (config("ws://localhost:1/room?next=2"), SettingsError::Group),
        ] {
            assert_eq!(Room::join(config).unwrap_err(), RoomError::Settings(error));
        }
    }

    #[test]
    fn settings_cannot_be_changed_before_the_server_has_sent_them() {
        let config = RoomConfig::new("ws://localhost:1/room").unwrap();
        let mut room = Room::join(config).unwrap();
        let change = SettingsChange {
            is_open: Some(false),
            ..SettingsChange::default()
        };
        assert_eq!(
            room.change_settings(change.clone()),
            Err(SettingsError::Unknown)
        );
        let settings = RoomSettings {
            is_keeper: false,
            is_open: true,
            is_listed: false,
            capacity: 64,
            metadata: String::new(),
        };
        room.settings = Some(settings);
        assert_eq!(room.change_settings(change), Err(SettingsError::NotKeeper));
    }

    #[test]
    fn room_keeps_its_ice_servers_if_the_new_ones_are_unusable() {
        let turn = |credential| IceServer::turn("turn:127.0.0.1:1", "ada", credential);
        let config = RoomConfig::new("ws://localhost:1/room").unwrap();
        let config = config.with_ice_server(turn("old"));
        let config = config.relay_only().ignore_server_ice();
        let mut room = Room::join(config).unwrap();
        for (servers, error) in [
            (vec![], RoomError::NoRelay),
            (
                vec![IceServer::stun("stun:127.0.0.1:1")],
                RoomError::NoRelay,
            ),
            (
                vec![turn("new"), IceServer::stun("turn://host")],
                RoomError::IceServer("turn://host".into()),
            ),
        ] {
            assert_eq!(room.set_ice_servers(servers), Err(error));
            assert_eq!(room.config.ice_servers, [turn("old")]);
        }
        assert_eq!(room.set_ice_servers(vec![turn("new")]), Ok(()));
        assert_eq!(room.config.ice_servers, [turn("new")]);
    }

    #[cfg(not(target_arch = "wasm32"))]
    #[test]
    fn next_room_has_the_kept_identity_as_soon_as_a_room_is_left() {
        let name = format!("huddle-identity-{}-rejoin.pem", std::process::id());
        let slot = std::env::temp_dir().join(name);
        let config = RoomConfig::new("ws://localhost:1/room").unwrap();
        let config = config.keep_identity(slot.to_str().unwrap());
        let first = Room::join(config.clone()).unwrap();
        let local_id = first.local_id();
        first.leave();
        let second = Room::join(config).unwrap();
        assert_eq!(second.local_id(), local_id);
        drop(second);
        std::fs::remove_file(slot).unwrap();
    }

    #[cfg(not(target_arch = "wasm32"))]
    #[test]
    fn room_waits_for_a_token_and_connects_with_it() {
        use std::{
            io::{Read, Write},
            net::TcpListener,
            time::{Duration, Instant},
        };

        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("ws://{}/duel/room", listener.local_addr().unwrap());
        let (requests, received) = std::sync::mpsc::channel();
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let mut stream = stream.unwrap();
                let mut request = [0; 4096];
                let len = stream.read(&mut request).unwrap();
                let line = String::from_utf8_lossy(&request[..len]);
                let line = line.lines().next().unwrap_or_default().to_owned();
                let answer = "HTTP/1.1 401 Unauthorized\r\ncontent-length: 7\r\n\r\nexpired";
                let _ = stream.write_all(answer.as_bytes());
                if requests.send(line).is_err() {
                    break;
                }
            }
        });
        let config = RoomConfig::new(&url).unwrap().with_token("stale");
        let mut room = Room::join(config).unwrap();
        let next = || received.recv_timeout(Duration::from_secs(10)).unwrap();
        let path = "GET /duel/room?huddle=1";
        assert!(next().starts_with(&format!("{path}&token=stale ")));
        let deadline = Instant::now() + Duration::from_secs(10);
        let needed = loop {
            match room.poll() {
                Some(RoomEvent::TokenNeeded { reason }) => break reason,
                _ if Instant::now() > deadline => panic!("the room does not need a token"),
                _ => std::thread::sleep(Duration::from_millis(5)),
            }
        };
        assert_eq!(needed, "expired");
        assert!(received.recv_timeout(Duration::from_secs(2)).is_err());
        room.set_token("fresh");
        assert!(next().starts_with(&format!("{path}&token=fresh ")));
    }
}
