use std::{
    collections::BTreeSet,
    net::IpAddr,
    sync::{Mutex, PoisonError},
    time::Duration,
};

use futures_util::future::join_all;
use tokio::{net::lookup_host, time::timeout};
use webrtc::peer_connection::RTCIceServer;

use crate::{
    config::IceServer,
    event::RoomError,
    ice_url::{IceUrl, unusable_server},
};

/// The time that looking up a server's name may take. The link waits for it.
const LOOKUP_TIMEOUT: Duration = Duration::from_millis(1500);

const SECURE: &str =
    "native games cannot use TLS to such a server yet; give them a `stun:` or `turn:` address";
const TCP: &str =
    "native games reach TURN servers over UDP only; give them an address without `?transport=tcp`";

/// Rejects the URLs that the `webrtc` crate would ignore.
pub(super) fn check(servers: &[IceServer]) -> Result<(), RoomError> {
    for url in servers.iter().flat_map(|server| &server.urls) {
        let parsed = IceUrl::parse(url)?;
        if parsed.is_secure {
            return Err(unusable_server(url, SECURE));
        }
        if parsed.is_tcp {
            return Err(unusable_server(url, TCP));
        }
        // The library may reject a URL for another reason.
        rtc_ice::url::Url::parse_url(url)
            .map_err(|error| unusable_server(url, error.to_string()))?;
    }
    Ok(())
}

/// Returns the servers, without the URLs whose names cannot be resolved in time. The `webrtc`
/// crate would wait for these names before it reports any candidate, even a local one.
pub(super) async fn resolvable_servers(servers: &[IceServer]) -> Vec<RTCIceServer> {
    let resolved = servers.iter().map(async |server| {
        let resolved = join_all(server.urls.iter().map(|url| resolves(url))).await;
        let urls = server.urls.iter().zip(resolved);
        RTCIceServer {
            urls: urls
                .filter(|(_, resolved)| *resolved)
                .map(|(url, _)| url.clone())
                .collect(),
            username: server.username.clone().unwrap_or_default(),
            credential: server.credential.clone().unwrap_or_default(),
        }
    });
    let mut resolved = join_all(resolved).await;
    resolved.retain(|server| !server.urls.is_empty());
    resolved
}

async fn resolves(url: &str) -> bool {
    let Ok(IceUrl { host, .. }) = IceUrl::parse(url) else {
        return false;
    };
    if host.parse::<IpAddr>().is_ok() {
        return true;
    }
    // The port does not matter for the lookup.
    let found = timeout(LOOKUP_TIMEOUT, lookup_host((host, 0))).await;
    let resolved = found.is_ok_and(|found| found.is_ok_and(|mut found| found.next().is_some()));
    if is_newly_unresolved(url, resolved) {
        log::warn!("cannot resolve the name of the ICE server {url}; links do not use this server");
    }
    resolved
}

/// Records whether the name in `url` can be resolved. Returns `true` if it cannot, and this is new:
/// every link looks up the names again, and only the first one should log a warning.
fn is_newly_unresolved(url: &str, resolved: bool) -> bool {
    static UNRESOLVED: Mutex<BTreeSet<String>> = Mutex::new(BTreeSet::new());
    let mut unresolved = UNRESOLVED.lock().unwrap_or_else(PoisonError::into_inner);
    if resolved {
        unresolved.remove(url);
        return false;
    }
    unresolved.insert(url.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unresolved_name_is_reported_once_until_it_resolves() {
        let url = "stun:unknown.invalid";
        let reported =
            [false, false, true, false, false].map(|resolved| is_newly_unresolved(url, resolved));
        assert_eq!(reported, [true, false, false, true, false]);
    }

    #[test]
    fn urls_that_the_library_ignores_are_rejected() {
        for (url, reason) in [
            ("stuns:host:5349", SECURE),
            ("turns:host:5349", SECURE),
            ("turns:host:443?transport=tcp", SECURE),
            ("turn:host:3478?transport=tcp", TCP),
        ] {
            let server = IceServer::turn(url, "ada", "secret");
            assert_eq!(check(&[server]), Err(unusable_server(url, reason)));
        }
        let server = IceServer::turn("turn:host:3478?transport=udp", "ada", "secret");
        assert_eq!(check(&[server]), Ok(()));
    }

    #[tokio::test]
    async fn only_servers_with_unknown_names_are_left_out() {
        let servers = [
            IceServer::stun("stun:no-such-name.invalid:3478"),
            IceServer::turn("turn:127.0.0.1:3478", "ada", "secret"),
        ];
        let resolved = resolvable_servers(&servers).await;
        assert_eq!(resolved.len(), 1);
        assert_eq!(resolved[0].username, "ada");
    }
}
