//! Credentials for TURN servers.

mod common;

use std::{
    net::UdpSocket,
    path::PathBuf,
    process::{Child, Command, Stdio},
    thread,
    time::Duration,
};

use common::{Client, RunningServer, local_config, next, start};
use huddle_signaling::{Config, Secret, Turn};
use serde_json::{Value, json};
use tokio::{task::spawn_blocking, time::sleep};

const SECRET: &str = "the secret of the TURN servers";

async fn server(urls: &[&str], lifetime: Duration, resume_timeout: Duration) -> RunningServer {
    start(Config {
        turn: Some(Turn {
            urls: urls.iter().map(|url| (*url).to_owned()).collect(),
            secret: Secret::new(SECRET),
            lifetime,
        }),
        resume_timeout,
        ..local_config()
    })
    .await
}

async fn message(client: &mut Client) -> Value {
    serde_json::from_str(next(&mut client.socket).await.to_text().unwrap()).unwrap()
}

async fn ice_servers(client: &mut Client) -> Value {
    let message = message(client).await;
    let servers = message["IceServers"].clone();
    assert!(servers.is_object(), "{message}");
    servers
}

#[tokio::test]
async fn client_with_extensions_receives_credentials_after_its_session() {
    let urls = ["turn:a.example.com", "turns:b.example.com?transport=tcp"];
    let hour = Duration::from_secs(3600);
    let server = server(&urls, hour, Duration::from_secs(10)).await;
    for room in ["/room?huddle=1", "/room?huddle=1&next=2"] {
        let mut client = Client::join(server.addr, room).await;
        assert!(message(&mut client).await["Session"].is_object());
        let servers = ice_servers(&mut client).await;
        assert_eq!(servers["urls"], json!(urls));
        assert_eq!(servers["lifetime_s"], 3600);
        let username = servers["username"].as_str().unwrap();
        assert!(username.ends_with(&format!(":{}", client.id.0.simple())));
    }
    let mut stock = Client::join(server.addr, "/stock").await;
    stock.expect_nothing().await;
}

#[tokio::test]
async fn credentials_are_renewed_at_half_of_their_lifetime() {
    let lifetime = Duration::from_secs(2);
    let server = server(&["turn:a.example.com"], lifetime, Duration::ZERO).await;
    let mut client = Client::join(server.addr, "/room?huddle=1").await;
    let mut stock = Client::join(server.addr, "/room").await;
    let first = ice_servers(&mut client).await;
    assert_eq!(message(&mut client).await, json!({ "NewPeer": stock.id }));
    let second = ice_servers(&mut client).await;
    let third = ice_servers(&mut client).await;
    let expiry = |servers: &Value| -> u64 {
        let username = servers["username"].as_str().unwrap();
        let (expiry, _) = username.split_once(':').unwrap();
        expiry.parse().unwrap()
    };
    assert!(expiry(&second) >= expiry(&first));
    let renewed = expiry(&third) - expiry(&first);
    assert!((2..=3).contains(&renewed), "{renewed} s");
    stock.expect_nothing().await;
}

/// A coturn with the secret. Dropping it stops the server.
struct Coturn {
    process: Child,
    port: u16,
    /// Its database of users, which stays empty.
    users: PathBuf,
}

impl Coturn {
    /// Starts coturn. Returns `None` if it is not installed.
    fn start() -> Option<Self> {
        let free = UdpSocket::bind(("127.0.0.1", 0)).unwrap();
        let port = free.local_addr().unwrap().port();
        drop(free);
        let users = std::env::temp_dir().join(format!("huddle-signaling-turn-{port}.db"));
        let started = Command::new("turnserver")
            .args(["-n", "--use-auth-secret", "--static-auth-secret", SECRET])
            .args(["--realm=huddle.test", "--allow-loopback-peers"])
            .args(["--listening-ip=127.0.0.1", "--relay-ip=127.0.0.1"])
            .args(["--listening-port", &port.to_string()])
            .args(["--no-cli", "--no-tls", "--no-dtls", "--userdb"])
            .arg(&users)
            .args(["--log-file=stdout", "--simple-log", "--pidfile=/dev/null"])
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn();
        let process = match started {
            Ok(process) => process,
            Err(error) => {
                let text = format!("skipped, because coturn cannot start: {error}");
                assert!(std::env::var_os("CI").is_none(), "{text}");
                eprintln!("{text}");
                return None;
            }
        };
        let coturn = Self {
            process,
            port,
            users,
        };
        coturn.wait_until_ready();
        Some(coturn)
    }

    fn wait_until_ready(&self) {
        // A STUN binding request (RFC 8489).
        let request = [
            0, 1, 0, 0, 0x21, 0x12, 0xA4, 0x42, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12,
        ];
        let socket = UdpSocket::bind(("127.0.0.1", 0)).unwrap();
        let timeout = Some(Duration::from_millis(100));
        socket.set_read_timeout(timeout).unwrap();
        // A minute, for a busy machine.
        for _ in 0..400 {
            let _ = socket.send_to(&request, ("127.0.0.1", self.port));
            if socket.recv(&mut [0; 512]).is_ok() {
                return;
            }
            thread::sleep(Duration::from_millis(50));
        }
        panic!("coturn does not respond");
    }

    /// Returns whether coturn relays for a client with these credentials.
    async fn accepts(&self, servers: &Value) -> bool {
        let text = |name: &str| servers[name].as_str().unwrap().to_owned();
        let mut client = Command::new("turnutils_uclient");
        // One message between two clients.
        client
            .args(["-u", &text("username"), "-w", &text("credential")])
            .args(["-p", &self.port.to_string()])
            .args(["-y", "-c", "-n", "1", "-m", "1", "127.0.0.1"])
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        let status = spawn_blocking(move || client.status().unwrap());
        status.await.unwrap().success()
    }
}

impl Drop for Coturn {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
        let _ = std::fs::remove_file(&self.users);
    }
}

#[tokio::test]
async fn coturn_accepts_credentials_until_they_expire() {
    let Some(coturn) = Coturn::start() else {
        return;
    };
    let lifetime = Duration::from_secs(6);
    let server = server(&["turn:127.0.0.1"], lifetime, Duration::ZERO).await;
    let mut client = Client::join(server.addr, "/room?huddle=1").await;
    let mut servers = ice_servers(&mut client).await;
    assert!(coturn.accepts(&servers).await);
    let mut wrong = servers.clone();
    wrong["credential"] = json!("AAAAAAAAAAAAAAAAAAAAAAAAAAA=");
    assert!(!coturn.accepts(&wrong).await);

    let first = servers.clone();
    sleep(lifetime + Duration::from_secs(1)).await;
    assert!(!coturn.accepts(&first).await, "they have not expired");
    // The server has sent new ones.
    client.send("\"KeepAlive\"").await;
    loop {
        let message = message(&mut client).await;
        match message.get("IceServers") {
            Some(renewed) => servers = renewed.clone(),
            None => break,
        }
    }
    assert_ne!(servers, first);
    assert!(coturn.accepts(&servers).await);
}
