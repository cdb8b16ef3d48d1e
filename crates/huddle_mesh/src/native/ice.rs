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
    ice_url::{IceUrl, refused},
};

/// How long looking up a server's name may hold up a link.
const LOOKUP: Duration = Duration::from_millis(1500);

const SECURE: &str =
    "native games cannot use TLS to such a server yet; give them a `stun:` or `turn:` address";
const TCP: &str =
    "native games reach TURN servers over UDP only; give them an address without `?transport=tcp`";

/// Refuses the addresses that the `webrtc` crate would skip.
pub(super) fn check(servers: &[IceServer]) -> Result<(), RoomError> {
    for url in servers.iter().flat_map(|server| &server.urls) {
        let parsed = IceUrl::parse(url)?;
        if parsed.is_secure {
            return Err(refused(url, SECURE));
        }
        if parsed.is_tcp {
            return Err(refused(url, TCP));
        }
        // The last word is the library's own.
        rtc_ice::url::Url::parse_url(url).map_err(|error| refused(url, error.to_string()))?;
    }
    Ok(())
}

/// The servers, without the addresses whose names are not found in time: the `webrtc` crate waits
/// for them before it tells even the local addresses.
pub(super) async fn known_servers(servers: &[IceServer]) -> Vec<RTCIceServer> {
    let known = servers.iter().map(async |server| {
        let known = join_all(server.urls.iter().map(|url| is_known(url))).await;
        let urls = server.urls.iter().zip(known);
        RTCIceServer {
            urls: urls
                .filter(|(_, known)| *known)
                .map(|(url, _)| url.clone())
                .collect(),
            username: server.username.clone().unwrap_or_default(),
            credential: server.credential.clone().unwrap_or_default(),
        }
    });
    let mut known = join_all(known).await;
    known.retain(|server| !server.urls.is_empty());
    known
}

async fn is_known(url: &str) -> bool {
    let Ok(IceUrl { host, .. }) = IceUrl::parse(url) else {
        return false;
    };
    if host.parse::<IpAddr>().is_ok() {
        return true;
    }
    // Only the name matters here, not the port.
    let found = timeout(LOOKUP, lookup_host((host, 0))).await;
    let known = found.is_ok_and(|found| found.is_ok_and(|mut found| found.next().is_some()));
    if is_newly_missing(url, known) {
        log::warn!("going without {url}: its name is not found");
    }
    known
}

/// Whether an address is missing that was not before. Each link looks for it again.
fn is_newly_missing(url: &str, known: bool) -> bool {
    static MISSING: Mutex<BTreeSet<String>> = Mutex::new(BTreeSet::new());
    let mut missing = MISSING.lock().unwrap_or_else(PoisonError::into_inner);
    if known {
        missing.remove(url);
        return false;
    }
    missing.insert(url.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_missing_name_is_reported_once_until_it_is_found() {
        let url = "stun:missing.invalid";
        let reported = [false, false, true, false, false].map(|known| is_newly_missing(url, known));
        assert_eq!(reported, [true, false, false, true, false]);
    }

    #[test]
    fn addresses_that_the_library_skips_are_refused_by_name() {
        for (url, reason) in [
            ("stuns:host:5349", SECURE),
            ("turns:host:5349", SECURE),
            ("turns:host:443?transport=tcp", SECURE),
            ("turn:host:3478?transport=tcp", TCP),
        ] {
            let server = IceServer::turn(url, "ada", "secret");
            assert_eq!(check(&[server]), Err(refused(url, reason)));
        }
        let server = IceServer::turn("turn:host:3478?transport=udp", "ada", "secret");
        assert_eq!(check(&[server]), Ok(()));
    }

    #[tokio::test]
    async fn unknown_names_are_left_out_and_the_rest_stays() {
        let servers = [
            IceServer::stun("stun:no-such-name.invalid:3478"),
            IceServer::turn("turn:127.0.0.1:3478", "ada", "secret"),
        ];
        let known = known_servers(&servers).await;
        assert_eq!(known.len(), 1);
        assert_eq!(known[0].username, "ada");
    }
}
