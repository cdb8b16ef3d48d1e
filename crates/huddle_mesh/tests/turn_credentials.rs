//! TURN credentials that expire while a room is open, with a real TURN and signaling server.
//!
//! On a machine without coturn or without a network, these tests do nothing, unless `CI` is set.
#![cfg(not(target_arch = "wasm32"))]

use std::{
    io,
    net::{Ipv4Addr, SocketAddr, UdpSocket},
    path::PathBuf,
    process::{Child, Command, Stdio},
    sync::mpsc,
    thread,
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};

use base64::{Engine, engine::general_purpose::STANDARD};
use hmac::{Hmac, Mac};
use huddle_mesh::{IceServer, Path, PeerId, Room, RoomConfig, RoomError, RoomEvent};
use huddle_signaling::{Config, Server};
use sha1::Sha1;

const SECRET: &str = "the secret of the TURN server";
/// The lifetime of the first credentials.
const LIFETIME: Duration = Duration::from_secs(15);
/// The maximum time to wait for any condition.
const TIMEOUT: Duration = Duration::from_secs(30);

/// A coturn that gives each user credentials that expire. Dropping it stops the server.
struct Turn {
    process: Child,
    address: SocketAddr,
    /// Its database of users, which stays empty.
    users: PathBuf,
}

impl Turn {
    /// Starts coturn. Returns `None` if that is not possible on this machine.
    fn start() -> Option<Self> {
        let started = free_address().and_then(Self::start_at);
        started
            .inspect_err(|error| {
                let text = format!("skipped, because coturn cannot start: {error}");
                assert!(std::env::var_os("CI").is_none(), "{text}");
                eprintln!("{text}");
            })
            .ok()
    }

    fn start_at(address: SocketAddr) -> io::Result<Self> {
        let (ip, port) = (address.ip().to_string(), address.port());
        let users = std::env::temp_dir().join(format!("huddle-turn-{port}.db"));
        let process = Command::new("turnserver")
            .args(["-n", "--use-auth-secret", "--static-auth-secret", SECRET])
            .args(["--realm=huddle.test"])
            .args(["--listening-ip", &ip, "--relay-ip", &ip])
            .args(["--listening-port", &port.to_string()])
            .args(["--no-cli", "--no-tls", "--no-dtls", "--userdb"])
            .arg(&users)
            .args(["--log-file=stdout", "--simple-log", "--pidfile=/dev/null"])
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()?;
        let turn = Self {
            process,
            address,
            users,
        };
        turn.wait_until_ready();
        Ok(turn)
    }

    fn wait_until_ready(&self) {
        // A STUN binding request (RFC 8489).
        let request = [
            0, 1, 0, 0, 0x21, 0x12, 0xA4, 0x42, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12,
        ];
        let socket = UdpSocket::bind((self.address.ip(), 0)).unwrap();
        socket
            .set_read_timeout(Some(Duration::from_millis(100)))
            .unwrap();
        let began = Instant::now();
        loop {
            socket.send_to(&request, self.address).unwrap();
            if socket.recv(&mut [0; 512]).is_ok() {
                return;
            }
            assert!(began.elapsed() < TIMEOUT, "coturn does not respond");
            thread::sleep(Duration::from_millis(50));
        }
    }

    /// Returns the server with credentials that expire after `lifetime`.
    fn server(&self, lifetime: Duration) -> IceServer {
        let expiry = SystemTime::now() + lifetime;
        let expiry = expiry.duration_since(UNIX_EPOCH).unwrap().as_secs();
        let username = format!("{expiry}:ada");
        let mut mac = Hmac::<Sha1>::new_from_slice(SECRET.as_bytes()).unwrap();
        mac.update(username.as_bytes());
        let credential = STANDARD.encode(mac.finalize().into_bytes());
        IceServer::turn(format!("turn:{}", self.address), username, credential)
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
        let _ = std::fs::remove_file(&self.users);
    }
}

/// Returns an unused address of this machine. WebRTC does not use loopback addresses.
fn free_address() -> io::Result<SocketAddr> {
    let socket = UdpSocket::bind((Ipv4Addr::UNSPECIFIED, 0))?;
    // Sends nothing, but chooses the interface.
    socket.connect((Ipv4Addr::new(203, 0, 113, 1), 9))?;
    socket.local_addr()
}

/// Starts a signaling server that runs until the process ends. Returns the URL of a room.
fn signaling() -> String {
    let (sender, receiver) = mpsc::channel();
    thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .unwrap();
        runtime.block_on(async {
            let config = Config {
                bind: ([127, 0, 0, 1], 0).into(),
                ..Config::default()
            };
            let server = Server::bind(config).await.unwrap();
            sender.send(server.local_addr()).unwrap();
            server.run(std::future::pending()).await;
        });
    });
    format!("ws://{}/room", receiver.recv().unwrap())
}

/// A player, and the events that its room reported.
struct Player {
    room: Room,
    events: Vec<RoomEvent>,
}

impl Player {
    fn join(url: &str, server: IceServer) -> Self {
        let config = RoomConfig::new(url).unwrap().with_ice_server(server);
        Self {
            room: Room::join(config.relay_only()).unwrap(),
            events: Vec::new(),
        }
    }

    fn id(&self) -> PeerId {
        self.room.local_id().unwrap()
    }

    /// Returns whether the player has a relayed link to `peer`.
    fn is_relayed_to(&self, peer: PeerId) -> bool {
        let stats = self.room.stats(peer);
        stats.is_some_and(|stats| stats.path == Path::Relayed)
    }

    /// Returns the number of links that the player has opened to `peer`.
    fn links(&self, peer: PeerId) -> u32 {
        self.room.stats(peer).map_or(0, |stats| stats.links)
    }

    /// Returns whether the player was ever without a link to a peer that had joined.
    fn was_interrupted(&self) -> bool {
        self.events.iter().any(|event| {
            matches!(
                event,
                RoomEvent::PeerReconnecting(_) | RoomEvent::PeerLeft { .. }
            )
        })
    }
}

/// Polls the rooms of all players, and returns whether the condition became true in time.
fn run_until(
    players: &mut [Player],
    timeout: Duration,
    condition: impl Fn(&[Player]) -> bool,
) -> bool {
    let began = Instant::now();
    while began.elapsed() < timeout {
        for player in &mut *players {
            player
                .events
                .extend(std::iter::from_fn(|| player.room.poll()));
        }
        if condition(players) {
            return true;
        }
        thread::sleep(Duration::from_millis(10));
    }
    false
}

/// Returns whether every player has a relayed link to every other player.
fn all_are_relayed(players: &[Player]) -> bool {
    players.iter().all(|player| {
        let mut others = players.iter().filter(|other| other.id() != player.id());
        others.all(|other| player.is_relayed_to(other.id()))
    })
}

#[test]
fn room_with_renewed_credentials_relays_after_the_old_ones_expired() {
    let Some(turn) = Turn::start() else { return };
    let url = signaling();
    let began = Instant::now();
    let join = |_| Player::join(&url, turn.server(LIFETIME));
    let mut players = Vec::from([0, 1].map(join));
    let is_linked = run_until(&mut players, LIFETIME, all_are_relayed);
    assert!(is_linked, "the TURN server does not work");

    for player in &mut players {
        let server = turn.server(Duration::from_secs(600));
        assert_eq!(player.room.set_ice_servers(vec![server]), Ok(()));
        // Refused servers change nothing.
        let unusable = IceServer::stun("turn://host");
        assert_eq!(
            player.room.set_ice_servers(vec![unusable]),
            Err(RoomError::IceServer("turn://host".into()))
        );
    }
    assert!(
        run_until(&mut players, TIMEOUT, |players| {
            players[0].links(players[1].id()) >= 2 && all_are_relayed(players)
        }),
        "the link with the old credentials is not replaced"
    );

    let expired = (LIFETIME + Duration::from_secs(2)).saturating_sub(began.elapsed());
    run_until(&mut players, expired, |_| false);
    players.push(Player::join(&url, turn.server(Duration::from_secs(600))));
    assert!(
        run_until(&mut players, TIMEOUT, all_are_relayed),
        "a player who joins after the expiry gets no link"
    );
    assert!(!players.iter().any(Player::was_interrupted));
}

#[test]
fn renewed_link_does_not_depend_on_the_old_relay() {
    let (Some(old), Some(new)) = (Turn::start(), Turn::start()) else {
        return;
    };
    let (url, lifetime) = (signaling(), Duration::from_secs(600));
    let join = |_| Player::join(&url, old.server(lifetime));
    let mut players = Vec::from([0, 1].map(join));
    assert!(run_until(&mut players, TIMEOUT, all_are_relayed));
    for player in &mut players {
        let renewed = player.room.set_ice_servers(vec![new.server(lifetime)]);
        assert_eq!(renewed, Ok(()));
    }
    run_until(&mut players, TIMEOUT, |players| {
        players[0].links(players[1].id()) >= 2 && all_are_relayed(players)
    });
    drop(old);
    run_until(&mut players, Duration::from_secs(4), |_| false);
    assert!(!players.iter().any(Player::was_interrupted));
    assert!(all_are_relayed(&players));
}

#[test]
fn attempt_with_expired_credentials_succeeds_soon_after_a_renewal() {
    let Some(turn) = Turn::start() else { return };
    let url = signaling();
    let expired = turn.server(Duration::ZERO);
    thread::sleep(Duration::from_secs(2));
    let mut players = Vec::from([
        Player::join(&url, expired.clone()),
        Player::join(&url, turn.server(Duration::from_secs(600))),
    ]);
    let is_linked = run_until(&mut players, Duration::from_secs(3), all_are_relayed);
    assert!(!is_linked, "the credentials have not expired");

    let renewed = turn.server(Duration::from_secs(600));
    players[0].room.set_ice_servers(vec![renewed]).unwrap();
    let began = Instant::now();
    assert!(run_until(&mut players, TIMEOUT, all_are_relayed));
    println!("linked {:?} after the renewal", began.elapsed());
}
