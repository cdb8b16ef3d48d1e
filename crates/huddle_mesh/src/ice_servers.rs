//! The STUN and TURN servers that a room uses: those of the game, and those of the signaling server.

use crate::{config::IceServer, event::RoomError, ice_url};

/// The servers of a room.
#[derive(Debug)]
pub(crate) struct IceServers {
    from_game: Vec<IceServer>,
    from_server: Option<IceServer>,
}

impl IceServers {
    pub(crate) fn new(from_game: Vec<IceServer>) -> Self {
        Self {
            from_game,
            from_server: None,
        }
    }

    /// Returns all servers, those of the game first.
    pub(crate) fn all(&self) -> Vec<IceServer> {
        let servers = self.from_game.iter().chain(&self.from_server);
        servers.cloned().collect()
    }

    /// Replaces the servers of the game.
    pub(crate) fn set_from_game(&mut self, servers: Vec<IceServer>) {
        self.from_game = servers;
    }

    /// Replaces the servers of the signaling server. Returns `false` if nothing changes.
    ///
    /// Logs and leaves out URLs that cannot be used, including those that `check` rejects. If none is
    /// left, the previous servers stay.
    pub(crate) fn set_from_server(
        &mut self,
        server: IceServer,
        check: impl Fn(&IceServer) -> Result<(), RoomError>,
    ) -> bool {
        let usable = server.urls.iter().filter(|url| {
            let alone = IceServer {
                urls: vec![(*url).clone()],
                ..server.clone()
            };
            let result = ice_url::check(&alone).and_then(|()| check(&alone));
            if let Err(error) = &result {
                log::warn!("a TURN server of the signaling server cannot be used: {error}");
            }
            result.is_ok()
        });
        let server = IceServer {
            urls: usable.cloned().collect(),
            ..server.clone()
        };
        if server.urls.is_empty() || self.from_server.as_ref() == Some(&server) {
            return false;
        }
        self.from_server = Some(server);
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A platform that needs valid ports and credentials.
    fn supported(server: &IceServer) -> Result<(), RoomError> {
        let [url] = &server.urls[..] else {
            panic!("each URL is checked alone");
        };
        if url.ends_with(":99999") || server.credential.is_none() {
            return Err(RoomError::IceServer(url.clone()));
        }
        Ok(())
    }

    #[test]
    fn servers_of_the_signaling_server_come_last_and_replace_its_earlier_ones() {
        let turn = |user: &str| IceServer::turn("turn:127.0.0.1:1", user, "secret");
        let stun = IceServer::stun("stun:127.0.0.1:1");
        let mut servers = IceServers::new(vec![stun.clone()]);
        assert!(servers.set_from_server(turn("1"), supported));
        assert_eq!(servers.all(), [stun, turn("1")]);
        assert!(!servers.set_from_server(turn("1"), supported));
        assert!(servers.set_from_server(turn("2"), supported));
        servers.set_from_game(vec![turn("mine")]);
        assert_eq!(servers.all(), [turn("mine"), turn("2")]);
    }

    #[test]
    fn unusable_servers_of_the_signaling_server_are_ignored() {
        let mut servers = IceServers::new(vec![]);
        let mut server = IceServer::turn("turn:127.0.0.1:1", "user", "secret");
        assert!(servers.set_from_server(server.clone(), supported));
        let bad = IceServer::turn("turn:127.0.0.1:99999", "user", "new");
        assert!(!servers.set_from_server(bad.clone(), supported));
        assert!(!servers.set_from_server(IceServer::stun("turn:127.0.0.1:1"), supported));
        assert_eq!(servers.all(), [server.clone()]);
        // A single unusable URL does not affect the other ones.
        server.credential = Some("new".into());
        let mixed = IceServer {
            urls: [bad.urls, server.urls.clone()].concat(),
            ..server.clone()
        };
        assert!(servers.set_from_server(mixed, supported));
        assert_eq!(servers.all(), [server]);
    }
}
