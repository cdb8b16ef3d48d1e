use std::{net::IpAddr, time::Duration};

use futures_util::future::join_all;
use tokio::{net::lookup_host, time::timeout};
use webrtc::peer_connection::RTCIceServer;

use crate::IceServer;

/// How long looking up a server's name may hold up a link.
const LOOKUP: Duration = Duration::from_millis(1500);

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
    let host = host(url);
    if host.parse::<IpAddr>().is_ok() {
        return true;
    }
    // Only the name matters here, not the port.
    let found = timeout(LOOKUP, lookup_host((host, 0))).await;
    let known = found.is_ok_and(|found| found.is_ok_and(|mut found| found.next().is_some()));
    if !known {
        log::warn!("going without {url}: its name is not found");
    }
    known
}

/// `turn:[::1]:3478?transport=udp` is about `::1`.
fn host(url: &str) -> &str {
    let address = url.split_once(':').map_or(url, |(_, address)| address);
    let address = address
        .split_once('?')
        .map_or(address, |(address, _)| address);
    match address
        .strip_prefix('[')
        .and_then(|rest| rest.split_once(']'))
    {
        Some((ip, _)) => ip,
        None => address.split_once(':').map_or(address, |(host, _)| host),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts_are_found_in_urls() {
        for (url, expected) in [
            ("stun:stun.example.org", "stun.example.org"),
            ("stun:stun.example.org:3478", "stun.example.org"),
            ("turns:10.0.0.1:5349?transport=tcp", "10.0.0.1"),
            ("turn:[::1]:3478?transport=udp", "::1"),
        ] {
            assert_eq!(host(url), expected);
        }
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
