use std::{net::UdpSocket, time::Duration};

use tokio::time::timeout;

use super::{isolated::is_isolated, links, turn_server::TurnServer};
use crate::{
    config::{IceServer, RoomConfig, Route},
    platform::tls,
    stats::Path,
};

/// The time that a link may take on a busy machine.
const LIMIT: Duration = Duration::from_secs(15);
/// The module of these tests, for their names.
const HERE: &str = "platform::tests::relayed::";
/// The time that a relayed link takes if none of its packets wait in the library.
const FAST: Duration = Duration::from_secs(2);

fn config(servers: impl IntoIterator<Item = IceServer>, route: Route) -> RoomConfig {
    let mut config = RoomConfig::new("ws://127.0.0.1:1/room").unwrap();
    config.ice_servers.extend(servers);
    config.route = route;
    config
}

/// Opens a relayed link through each of the URLs.
async fn relays(options: &[&str], urls: &[&str]) {
    let Some(server) = TurnServer::start(options) else {
        return;
    };
    for url in urls {
        let config = config([server.ice_server(url)], Route::RelayOnly);
        let opened = links::link([&config; 2], &server.tls, LIMIT).await;
        let mut opened = opened.unwrap_or_else(|candidates| panic!("{url}: {candidates:?}"));
        assert_eq!(opened.path, Path::Relayed, "{url}");
        let relays = opened.candidates.iter();
        assert!(relays.clone().all(|text| text.contains("typ relay")));
        assert!(opened.took < FAST, "{url}: {opened:?}");
        let transferred = timeout(LIMIT, opened.transfer(1000)).await;
        transferred.unwrap_or_else(|_| panic!("{url}: the transfer hangs"));
    }
}

#[tokio::test]
async fn turn_over_tcp_and_tls_opens_links() {
    let urls = [
        "turn:127.0.0.1:PORT?transport=tcp",
        "turns:localhost:TLS_PORT",
        "turns:127.0.0.1:TLS_PORT?transport=tcp",
    ];
    // A link has two relays, and frees them when it closes.
    relays(&["--no-udp", "--user-quota=4"], &urls).await;
}

#[tokio::test]
async fn turn_server_with_ipv6_address_opens_links() {
    let urls = [
        "turn:[::1]:PORT",
        "turn:[::1]:PORT?transport=tcp",
        "turns:[::1]:TLS_PORT",
    ];
    // There, sockets have IPv6 addresses whatever network this machine is in.
    if is_isolated(
        &format!("{HERE}turn_server_with_ipv6_address_opens_links"),
        "",
    ) {
        relays(&[], &urls).await;
    }
}

#[tokio::test]
async fn stun_server_with_ipv6_address_is_asked() {
    if !is_isolated(&format!("{HERE}stun_server_with_ipv6_address_is_asked"), "") {
        return;
    }
    let server = UdpSocket::bind("[::1]:0").unwrap();
    server.set_read_timeout(Some(LIMIT)).unwrap();
    let url = format!("stun:{}", server.local_addr().unwrap());
    let config = config([IceServer::stun(url)], Route::Any);
    let tls = tls::client_config().unwrap();
    links::link([&config; 2], &tls, LIMIT).await.unwrap();
    let mut request = [0; 512];
    server.recv(&mut request).expect("no request arrives");
    assert_eq!(request[..2], [0, 1], "a STUN binding request");
}

#[tokio::test]
async fn dead_turn_servers_do_not_delay_direct_links() {
    // The first accepts connections and stays silent. No machine has the second address.
    let silent = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let silent = silent.local_addr().unwrap();
    let servers = [
        format!("turn:{silent}?transport=tcp"),
        format!("turns:{silent}"),
        "turn:198.51.100.1:3478?transport=tcp".to_owned(),
        "turns:[2001:db8::1]:443".to_owned(),
        "turns:no-such-name.invalid:443".to_owned(),
    ];
    let servers = servers.map(|url| IceServer::turn(url, "ada", "secret"));
    let config = config(servers, Route::Any);
    let tls = tls::client_config().unwrap();
    let opened = links::link([&config; 2], &tls, LIMIT).await.unwrap();
    assert_eq!(opened.path, Path::Direct);
    assert!(opened.took < Duration::from_secs(3), "{opened:?}");
}

#[tokio::test]
async fn certificate_of_an_unknown_authority_is_rejected() {
    let Some(server) = TurnServer::start(&[]) else {
        return;
    };
    let config = config(
        [server.ice_server("turns:localhost:TLS_PORT")],
        Route::RelayOnly,
    );
    let tls = tls::client_config().unwrap();
    let failed = links::link([&config; 2], &tls, Duration::from_secs(3)).await;
    assert_eq!(failed.unwrap_err(), [""; 0]);
}
