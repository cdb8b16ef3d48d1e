//! The server behind Caddy and nginx, if they are installed (Debian packages `caddy` and
//! `nginx-light`). With `CI=true`, they must be.
#![cfg(target_os = "linux")]

mod common;

use std::{
    collections::BTreeSet,
    io,
    net::{Ipv4Addr, SocketAddr},
    path::Path,
    process::Stdio,
    time::Duration,
};

use common::{
    Client, get, local_config,
    sources::{Socket, close_refusal, connect_from, join_from, loopback, refusal},
    start,
};
use huddle_signaling::{Config, close_code};
use matchbox_protocol::{JsonPeerEvent, PeerId};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::{
    net::{TcpListener, TcpStream},
    process::{Child, Command},
    time::{sleep, timeout},
};
use tokio_tungstenite::tungstenite::Error;

/// The time that a proxy has to start.
const START_TIMEOUT: Duration = Duration::from_secs(20);

#[derive(Debug, Clone, Copy)]
enum Kind {
    Caddy,
    Nginx,
}

impl Kind {
    fn programs(self) -> &'static [&'static str] {
        match self {
            Self::Caddy => &["caddy"],
            // The search path of a user may exclude this folder.
            Self::Nginx => &["nginx", "/usr/sbin/nginx"],
        }
    }

    fn config(self, addr: SocketAddr, server: SocketAddr, dir: &Path) -> String {
        let dir = dir.display();
        match self {
            Self::Caddy => format!(
                "{{
                    admin off
                    auto_https off
                }}
                http://:{} {{
                    bind {}
                    reverse_proxy {server}
                }}",
                addr.port(),
                addr.ip()
            ),
            // The part from `location` on is the one in the help of the program.
            Self::Nginx => format!(
                "daemon off;
                master_process off;
                pid {dir}/pid;
                error_log {dir}/errors;
                events {{}}
                http {{
                    access_log off;
                    client_body_temp_path {dir}/body;
                    proxy_temp_path {dir}/proxy;
                    fastcgi_temp_path {dir}/fastcgi;
                    uwsgi_temp_path {dir}/uwsgi;
                    scgi_temp_path {dir}/scgi;
                    server {{
                        listen {addr};
                        location / {{
                            proxy_pass http://{server};
                            proxy_http_version 1.1;
                            proxy_set_header Upgrade $http_upgrade;
                            proxy_set_header Connection \"upgrade\";
                            proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;
                            proxy_read_timeout 60s;
                        }}
                    }}
                }}"
            ),
        }
    }

    fn start(self, config: &Path, dir: &Path) -> io::Result<Child> {
        let mut error = io::Error::from(io::ErrorKind::NotFound);
        for program in self.programs() {
            let mut command = Command::new(program);
            match self {
                Self::Caddy => command
                    .args(["run", "--adapter", "caddyfile", "--config"])
                    .arg(config)
                    .envs([
                        ("HOME", dir),
                        ("XDG_CONFIG_HOME", dir),
                        ("XDG_DATA_HOME", dir),
                    ]),
                Self::Nginx => command.arg("-p").arg(dir).arg("-c").arg(config),
            };
            command.stdout(Stdio::null()).stderr(Stdio::null());
            match command.kill_on_drop(true).spawn() {
                Ok(child) => return Ok(child),
                Err(failed) => error = failed,
            }
        }
        Err(error)
    }
}

struct Proxy {
    addr: SocketAddr,
    _process: Child,
    _dir: TempDir,
}

impl Proxy {
    /// Starts a proxy in front of a server. Returns `None` if it is not installed.
    async fn start(kind: Kind, server: SocketAddr) -> Option<Self> {
        let free = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let addr = free.local_addr().unwrap();
        drop(free);
        let dir = tempfile::tempdir().unwrap();
        let config = dir.path().join("config");
        std::fs::write(&config, kind.config(addr, server, dir.path())).unwrap();
        let process = match kind.start(&config, dir.path()) {
            Ok(process) => process,
            Err(error) if std::env::var("CI").is_ok_and(|ci| ci == "true") => {
                panic!("cannot start {kind:?}: {error}. Install the packages caddy and nginx-light")
            }
            Err(error) => {
                println!("skipped, because {kind:?} does not start: {error}");
                return None;
            }
        };
        let ready = timeout(START_TIMEOUT, async {
            while TcpStream::connect(addr).await.is_err() {
                sleep(Duration::from_millis(20)).await;
            }
        });
        ready
            .await
            .unwrap_or_else(|_| panic!("{kind:?} does not listen"));
        Some(Self {
            addr,
            _process: process,
            _dir: dir,
        })
    }
}

/// Only the proxy is trusted, so that the limits apply to the other loopback addresses.
fn config() -> Config {
    Config {
        trusted_proxies: vec!["127.0.0.1/32".parse().unwrap()],
        ..local_config()
    }
}

/// Makes 8 clients, each with an address of its own, exchange signals as in a full mesh.
async fn test_mesh(kind: Kind) {
    const CLIENTS: u8 = 8;
    let config = Config {
        max_clients_per_address: 1,
        ..config()
    };
    let server = start(config).await;
    let Some(proxy) = Proxy::start(kind, server.addr).await else {
        return;
    };
    let mut clients = Vec::new();
    for n in 0..CLIENTS {
        clients.push(join_from(loopback(2 + n), proxy.addr, "/mesh").await);
    }
    // The earlier client of each pair makes the offer.
    for n in 0..clients.len() {
        for later in n + 1..clients.len() {
            let JsonPeerEvent::NewPeer(peer) = clients[n].event().await else {
                panic!("only newcomers are announced");
            };
            assert_eq!(peer, clients[later].id);
            clients[n].signal(peer, json!({ "Offer": n })).await;
        }
    }
    // Signals of different senders may arrive in any order.
    let ids: Vec<_> = clients.iter().map(|client| client.id).collect();
    for (later, client) in clients.iter_mut().enumerate() {
        let mut offers = BTreeSet::new();
        for _ in 0..later {
            let (sender, data) = signal(client).await;
            let earlier = ids.iter().position(|id| *id == sender).unwrap();
            assert_eq!(data, json!({ "Offer": earlier }));
            assert!(earlier < later && offers.insert(earlier));
            client.signal(sender, json!({ "Answer": later })).await;
        }
    }
    for (earlier, client) in clients.iter_mut().enumerate() {
        let mut answers = BTreeSet::new();
        for _ in earlier + 1..ids.len() {
            let (sender, data) = signal(client).await;
            let later = ids.iter().position(|id| *id == sender).unwrap();
            assert_eq!(data, json!({ "Answer": later }));
            assert!(later > earlier && answers.insert(later));
        }
    }
    let response = get(proxy.addr, "/health", "").await;
    let health: Value = serde_json::from_slice(&response.body).unwrap();
    assert_eq!(health["clients"], json!(CLIENTS));

    let left = clients.pop().unwrap().leave().await;
    for client in &mut clients {
        client.expect_peer_left(left).await;
    }
}

/// Returns the sender and data of the next signal.
async fn signal(client: &mut Client) -> (PeerId, Value) {
    match client.event().await {
        JsonPeerEvent::Signal { sender, data } => (sender, data),
        other => panic!("expected a signal, got {other:?}"),
    }
}

/// Checks that the address of a client is the one that the proxy appended, whatever the client
/// sends.
async fn test_forged_headers(kind: Kind) {
    let config = Config {
        max_clients_per_address: 1,
        ..config()
    };
    let server = start(config).await;
    let Some(proxy) = Proxy::start(kind, server.addr).await else {
        return;
    };
    let connect = async |source: u8, forged: &[&str], query: &str| -> Result<Socket, Error> {
        let mut headers = Vec::new();
        for forged in forged {
            headers.extend([("X-Forwarded-For", *forged), ("X-Real-IP", *forged)]);
        }
        let room = format!("/room{query}");
        connect_from(loopback(source), proxy.addr, &room, &headers).await
    };
    let first = connect(2, &["203.0.113.9"], "").await.unwrap();
    let _first = Client::new(first).await;
    for forged in [
        &[] as &[&str],
        &["203.0.113.1"],
        &["203.0.113.1, 203.0.113.2"],
        &["203.0.113.1", "203.0.113.2"],
        &["127.0.0.1"],
        &["127.0.0.3"],
        &["unknown"],
        &[""],
        &["\u{e9}"],
    ] {
        let (status, text) = refusal(connect(2, forged, "").await);
        assert_eq!(status, 429, "{forged:?}");
        assert!(text.contains("at most 1"), "{text}");
        let (code, _) = close_refusal(connect(2, forged, "?huddle=1").await).await;
        assert_eq!(code, close_code::FULL, "{forged:?}");
    }
    // The first client did not count for the addresses that it claimed to have.
    let other = connect(3, &["127.0.0.2"], "").await.unwrap();
    Client::new(other).await.expect_nothing().await;
}

#[tokio::test]
async fn mesh_connects_through_caddy() {
    test_mesh(Kind::Caddy).await;
}

#[tokio::test]
async fn mesh_connects_through_nginx() {
    test_mesh(Kind::Nginx).await;
}

#[tokio::test]
async fn forged_headers_do_not_count_behind_caddy() {
    test_forged_headers(Kind::Caddy).await;
}

#[tokio::test]
async fn forged_headers_do_not_count_behind_nginx() {
    test_forged_headers(Kind::Nginx).await;
}
