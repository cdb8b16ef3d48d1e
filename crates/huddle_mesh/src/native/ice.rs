//! The STUN and TURN servers of the configuration, prepared for the `webrtc` crate.

use std::{net::IpAddr, sync::Arc, time::Duration};

use futures_util::future::join_all;
use rustls::{ClientConfig, pki_types::ServerName};
use tokio::time::timeout;
use webrtc::peer_connection::RTCIceServer;

use super::{
    problems,
    runtime::Names,
    tcp,
    turn::{Flush, StreamServer, StreamServers, VIRTUAL_HOST, virtual_addresses},
};
use crate::{
    config::IceServer,
    event::RoomError,
    ice_url::{IceUrl, unusable_server},
};

/// The time that looking up a server's name may take. The link waits for it.
const LOOKUP_TIMEOUT: Duration = Duration::from_millis(1500);

const STUNS: &str =
    "native games do not support STUN over TLS, which finds no address for a game; use `stun:`";
const DTLS: &str = "native games do not support TLS over UDP; remove `?transport=udp`";
const NAME: &str = "its host cannot be the name in a TLS certificate";

/// The servers of a connection.
#[derive(Debug)]
pub(super) struct Servers {
    /// The servers in the format of the `webrtc` crate.
    pub(super) configuration: Vec<RTCIceServer>,
    /// The addresses of their host names.
    pub(super) names: Names,
    /// The servers whose addresses in `configuration` are virtual.
    pub(super) streams: StreamServers,
    /// The TURN servers among them.
    pub(super) flush: Flush,
}

/// Rejects the URLs that native links cannot use.
pub(super) fn check(servers: &[IceServer]) -> Result<(), RoomError> {
    for url in servers.iter().flat_map(|server| &server.urls) {
        let parsed = IceUrl::parse(url)?;
        let host = parsed.host;
        match (parsed.is_turn, parsed.is_secure, parsed.is_tcp) {
            (false, true, _) => return Err(unusable_server(url, STUNS)),
            (true, true, false) => return Err(unusable_server(url, DTLS)),
            (true, true, true) if ServerName::try_from(host).is_err() => {
                return Err(unusable_server(url, NAME));
            }
            (true, _, true) => {}
            // The library may reject a URL for another reason.
            (_, false, false) | (false, false, true) => {
                rtc_ice::url::Url::parse_url(url)
                    .map_err(|error| unusable_server(url, error.to_string()))?;
            }
        }
    }
    Ok(())
}

/// Looks up the names of the servers.
///
/// Leaves out the URLs whose names cannot be resolved in time: the `webrtc` crate reports no
/// candidate before it has the addresses of all servers, not even a local one. A server that is
/// reached over TCP or TLS looks up its name while the link already opens.
pub(super) async fn resolve(servers: &[IceServer], tls: Arc<ClientConfig>) -> Servers {
    let lookups = servers
        .iter()
        .flat_map(|server| server.urls.iter().map(|url| lookup(url)));
    let mut addresses = join_all(lookups).await.into_iter();
    let mut resolved = Servers {
        configuration: Vec::new(),
        names: Names::from([(VIRTUAL_HOST.to_owned(), virtual_addresses())]),
        streams: StreamServers::new(tls),
        flush: Flush::default(),
    };
    for server in servers {
        let found = server.urls.iter().zip(addresses.by_ref());
        let urls: Vec<_> = found
            .filter_map(|(url, addresses)| resolved.add(url, addresses))
            .collect();
        if !urls.is_empty() {
            resolved.configuration.push(RTCIceServer {
                urls,
                username: server.username.clone().unwrap_or_default(),
                credential: server.credential.clone().unwrap_or_default(),
            });
        }
    }
    resolved
}

impl Servers {
    /// Adds a server. Returns the URL for the `webrtc` crate.
    fn add(&mut self, url: &str, addresses: Vec<IpAddr>) -> Option<String> {
        let parsed = IceUrl::parse(url).ok()?;
        if parsed.is_tcp {
            let port = self.streams.add(StreamServer {
                url: url.to_owned(),
                host: parsed.host.to_owned(),
                port: parsed.port,
                is_secure: parsed.is_secure,
            })?;
            return Some(format!("turn:{VIRTUAL_HOST}:{port}?transport=udp"));
        }
        if addresses.is_empty() {
            return None;
        }
        if parsed.is_turn {
            for address in &addresses {
                self.flush.add((*address, parsed.port).into());
            }
        }
        // The library may write the host in another way, for example in lower case.
        let host = rtc_ice::url::Url::parse_url(url).ok()?.host;
        self.names.insert(host, addresses);
        Some(url.to_owned())
    }
}

/// Returns the addresses of a server. None are needed for a server that is reached over TCP.
async fn lookup(url: &str) -> Vec<IpAddr> {
    let Ok(IceUrl {
        host,
        port,
        is_tcp: false,
        ..
    }) = IceUrl::parse(url)
    else {
        return Vec::new();
    };
    let found = timeout(LOOKUP_TIMEOUT, tcp::lookup(host, port)).await;
    let found = found.ok().and_then(Result::ok).unwrap_or_default();
    if problems::is_new(url, found.is_empty()) {
        log::warn!("cannot resolve the name of the ICE server {url}; links do not use this server");
    }
    found.iter().map(|address| address.ip()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::platform::tls;

    #[test]
    fn urls_that_native_links_cannot_use_are_rejected() {
        for (url, reason) in [
            ("stuns:host:5349", STUNS),
            ("turns:host:443?transport=udp", DTLS),
            ("turns:not_!a_name:443", NAME),
        ] {
            let server = IceServer::turn(url, "ada", "secret");
            assert_eq!(check(&[server]), Err(unusable_server(url, reason)));
        }
        for url in [
            "stun:[::1]:3478",
            "turn:host:3478?transport=udp",
            "turn:[2001:db8::1]?transport=tcp",
            "turns:host",
            "turns:[2001:db8::1]:443?transport=tcp",
            "turns:192.0.2.1:443",
        ] {
            let server = IceServer::turn(url, "ada", "secret");
            assert_eq!(check(&[server]), Ok(()), "{url}");
        }
    }

    #[tokio::test]
    async fn servers_with_unknown_names_are_left_out() {
        let servers = [
            IceServer::stun("stun:no-such-name.invalid:3478"),
            IceServer::turn("turn:127.0.0.1:3478", "ada", "secret"),
            IceServer::turn("turns:[::1]", "bob", "secret"),
        ];
        let resolved = resolve(&servers, tls::client_config().unwrap()).await;
        let [ada, bob] = &resolved.configuration[..] else {
            panic!("{resolved:?}");
        };
        assert_eq!((&*ada.username, &*bob.username), ("ada", "bob"));
        assert_eq!(ada.urls, ["turn:127.0.0.1:3478"]);
        assert_eq!(bob.urls, ["turn:turn-stream.invalid:1?transport=udp"]);
        assert_eq!(resolved.names[VIRTUAL_HOST].len(), 2);
    }
}
