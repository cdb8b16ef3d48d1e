//! Caddy and coturn with the files in `deploy`, if they are installed (Debian packages `caddy` and
//! `coturn`). With `CI=true`, they must be.
#![cfg(target_os = "linux")]

mod common;

use std::{
    env, fs,
    io::{self, ErrorKind},
    net::{Ipv4Addr, SocketAddr, UdpSocket},
    path::Path,
    process::Stdio,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use common::{Client, RunningServer, connect, get, local_config, start};
use huddle_signaling::Config;
use serde_json::Value;
use tempfile::TempDir;
use tokio::{
    io::{AsyncBufReadExt, BufReader},
    net::{TcpListener, TcpStream},
    process::{Child, Command},
    time::{sleep, timeout},
};

const START_TIMEOUT: Duration = Duration::from_secs(60);
const SECRET: &str = "0123456789abcdef";

fn read(name: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../deploy");
    fs::read_to_string(path.join(name)).unwrap()
}

/// Returns `None` if the program is not installed.
fn started<T>(result: io::Result<T>, name: &str) -> Option<T> {
    match result {
        Err(error) if error.kind() == ErrorKind::NotFound && env::var_os("CI").is_none() => {
            eprintln!("skipped: {name} is not installed");
            None
        }
        result => Some(result.unwrap_or_else(|error| panic!("cannot start {name}: {error}"))),
    }
}

async fn caddy(dir: &TempDir, upstreams: &[SocketAddr]) -> Option<(Child, SocketAddr)> {
    let free = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let addr = free.local_addr().unwrap();
    drop(free);
    let config = dir.path().join("Caddyfile");
    // Other tests also run Caddy, and the default address of its API is fixed.
    fs::write(
        &config,
        format!("{{\n\tadmin off\n}}\n{}", read("Caddyfile")),
    )
    .unwrap();
    let upstreams: Vec<_> = upstreams.iter().map(SocketAddr::to_string).collect();
    let process = Command::new("caddy")
        .args(["run", "--adapter", "caddyfile", "--config"])
        .arg(&config)
        .env("DOMAIN", format!("http://{addr}"))
        .env("UPSTREAMS", upstreams.join(" "))
        .env("HOME", dir.path())
        .env("XDG_CONFIG_HOME", dir.path())
        .env("XDG_DATA_HOME", dir.path())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .kill_on_drop(true)
        .spawn();
    let process = started(process, "caddy")?;
    let ready = timeout(START_TIMEOUT, async {
        while TcpStream::connect(addr).await.is_err() || get(addr, "/ready", "").await.status != 200
        {
            sleep(Duration::from_millis(50)).await;
        }
    });
    ready.await.expect("Caddy must start");
    Some((process, addr))
}

async fn clients(server: &RunningServer) -> u64 {
    let health = get(server.addr, "/health", "").await;
    let health: Value = serde_json::from_slice(&health.body).unwrap();
    health["clients"].as_u64().unwrap()
}

#[tokio::test]
async fn caddy_connects_all_clients_of_a_room_to_one_instance() {
    let config = || Config {
        // A drain longer than the test.
        drain: Duration::from_secs(600),
        ..local_config()
    };
    let [first, second] = [start(config()).await, start(config()).await];
    let dir = TempDir::new().unwrap();
    let Some((_caddy, addr)) = caddy(&dir, &[first.addr, second.addr]).await else {
        return;
    };
    let mut connected = Vec::new();
    for room in 0..32 {
        let mut early = Client::join(addr, &format!("/game/room-{room}")).await;
        let late = Client::join(addr, &format!("/game/room-{room}?token=late")).await;
        early.expect_new_peer(&late).await;
        connected.extend([early, late]);
    }
    assert!(clients(&first).await > 0 && clients(&second).await > 0);
    assert_eq!(clients(&first).await + clients(&second).await, 64);

    // New clients reach the remaining instance, while the other one drains.
    first.stop.send(()).unwrap();
    let before = clients(&second).await;
    let all_join = timeout(START_TIMEOUT, async {
        for room in 0..32 {
            while connect(addr, &format!("/other/room-{room}")).await.is_err() {
                sleep(Duration::from_millis(100)).await;
            }
        }
    });
    all_join
        .await
        .expect("clients must reach the second instance");
    assert!(clients(&second).await >= before);
    assert_eq!(get(first.addr, "/ready", "").await.status, 503);
}

/// A coturn with the configuration, which listens and relays on loopback addresses.
struct Coturn {
    _process: Child,
    port: u16,
    _dir: TempDir,
}

impl Coturn {
    async fn start() -> Option<Self> {
        let free = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let port = free.local_addr().unwrap().port();
        drop(free);
        let dir = TempDir::new().unwrap();
        let config = dir.path().join("turnserver.conf");
        let base = read("turnserver.conf")
            .replace("listening-port=3478", &format!("listening-port={port}"));
        let log = dir.path().join("log");
        let text = format!(
            "{base}realm=huddle.test\nstatic-auth-secret={SECRET}\n\
             listening-ip=127.0.0.1\nlistening-ip=::1\nrelay-ip=127.0.0.1\nrelay-ip=::1\n\
             userdb={}/users\n",
            dir.path().display()
        );
        fs::write(&config, text).unwrap();
        let process = Command::new("turnserver")
            .arg("-c")
            .arg(&config)
            .arg("--pidfile=")
            .stdin(Stdio::null())
            .stdout(fs::File::create(&log).unwrap())
            .stderr(Stdio::null())
            .kill_on_drop(true)
            .spawn();
        let process = started(process, "turnserver")?;
        let coturn = Self {
            _process: process,
            port,
            _dir: dir,
        };
        let ready = timeout(START_TIMEOUT, async {
            while !coturn.answers().await {
                sleep(Duration::from_millis(50)).await;
            }
        });
        ready.await.expect("coturn must start");
        let log = fs::read_to_string(&log).unwrap();
        let refused = ["Bad configuration", "ERROR", "unknown"];
        assert!(!refused.iter().any(|text| log.contains(text)), "{log}");
        Some(coturn)
    }

    async fn answers(&self) -> bool {
        let port = self.port.to_string();
        let output = Command::new("turnutils_stunclient")
            .args(["-p", &port, "127.0.0.1"])
            .output();
        let output = timeout(Duration::from_secs(2), output).await;
        output.is_ok_and(|output| output.unwrap().status.success())
    }

    /// Returns whether coturn lets a client send packets to an address. No packet is sent.
    async fn allows(&self, peer: &str) -> bool {
        let expiry = SystemTime::now() + Duration::from_secs(3600);
        let expiry = expiry.duration_since(UNIX_EPOCH).unwrap().as_secs();
        let mut client = Command::new("turnutils_uclient");
        client
            .args(["-W", SECRET, "-u", &expiry.to_string()])
            .args(["-p", &self.port.to_string(), "-e", peer])
            .args(["-c", "-n", "1", "-m", "1"])
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .kill_on_drop(true);
        if peer.contains(':') {
            client.arg("-x");
        }
        let mut client = client.arg("127.0.0.1").spawn().unwrap();
        let mut lines = BufReader::new(client.stdout.take().unwrap()).lines();
        loop {
            let line = timeout(START_TIMEOUT, lines.next_line()).await.unwrap();
            let line = line.unwrap().expect("coturn must answer the client");
            if line.contains("403 (Forbidden IP)") {
                return false;
            }
            // It has created the channel, and would start to send.
            if line.contains("Total connect time") {
                return true;
            }
        }
    }
}

#[tokio::test]
async fn coturn_does_not_relay_to_private_networks() {
    let Some(coturn) = Coturn::start().await else {
        return;
    };
    for public in ["203.0.113.7", "2001:db8::7"] {
        assert!(coturn.allows(public).await, "{public}");
    }
    for private in [
        "127.0.0.1",
        "10.1.2.3",
        "100.64.1.2",
        "169.254.169.254",
        "172.17.0.1",
        "172.30.36.11",
        "192.168.1.1",
        "224.0.0.1",
        "::1",
        "fd00::1",
        "fe80::1",
        "ff02::1",
        "::ffff:10.0.0.0",
        "64:ff9b::a00:1",
        "2002:a00:1::1",
        "2001:0:a00:1::1",
    ] {
        assert!(!coturn.allows(private).await, "{private}");
    }
}
