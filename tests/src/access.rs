//! How a player reaches servers and peers.

use std::sync::Arc;

use crate::{authority::Authority, server::Server};

/// The servers that a player is given besides the signaling server.
#[derive(Clone, Default)]
pub struct Access {
    /// The STUN and TURN servers, in the format of the `--ice` option.
    pub ice_servers: Vec<String>,
    /// The signaling server, such as `ws://10.78.0.1:3536`, if it is not the server of the page.
    pub signaling: Option<String>,
    /// The certificate authority that the player trusts.
    pub authority: Option<Arc<Authority>>,
}

impl Access {
    /// Returns the options of a native player.
    pub(crate) fn arguments(&self) -> Vec<&str> {
        let servers = self.ice_servers.iter();
        servers
            .flat_map(|server| ["--ice", server.as_str()])
            .collect()
    }

    /// Returns the parameters of a page, each with a `&` before it.
    pub(crate) fn query(&self) -> String {
        let mut query = String::new();
        if let Some(signaling) = &self.signaling {
            query.push_str(&format!("&signal={signaling}"));
        }
        if !self.ice_servers.is_empty() {
            let servers = self.ice_servers.join(",");
            let encoded = url::form_urlencoded::byte_serialize(servers.as_bytes());
            query.push_str("&ice=");
            query.extend(encoded);
        }
        query
    }

    /// Returns the URL of a room for a native player.
    pub(crate) fn room(&self, server: &Server, room: &str) -> String {
        match &self.signaling {
            Some(signaling) => format!("{signaling}/{room}"),
            None => server.room(room),
        }
    }
}
