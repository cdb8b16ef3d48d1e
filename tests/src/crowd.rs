//! Many scripted clients of signaling servers, which wait like real ones before they reconnect.

use std::{
    collections::BTreeSet,
    net::SocketAddr,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use futures_util::{SinkExt, StreamExt};
use serde_json::Value;
use tokio::{
    net::TcpStream,
    runtime::Runtime,
    time::{sleep, timeout},
};
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, tungstenite::Message};

/// The number of members of each room.
const ROOM_SIZE: usize = 4;
const KEEP_ALIVE: Duration = Duration::from_secs(15);
const CONNECT_TIMEOUT: Duration = Duration::from_secs(16);
/// The shortest wait of a linked client.
const SHORTEST_WAIT: Duration = Duration::from_secs(1);

/// What a client knows.
#[derive(Debug, Clone, Default)]
struct Client {
    is_online: bool,
    id: String,
    /// The other members of its room.
    members: BTreeSet<String>,
}

/// Clients in rooms of four. The members of a room connect to different servers. Dropping the crowd
/// ends all connections.
pub struct Crowd {
    clients: Arc<Vec<Mutex<Client>>>,
    attempts: Arc<AtomicUsize>,
    _runtime: Runtime,
}

impl Crowd {
    /// Starts to connect clients to the servers.
    ///
    /// # Errors
    /// Returns an error if the threads cannot be started.
    pub fn start(servers: &[SocketAddr], number: usize) -> anyhow::Result<Self> {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(2)
            .enable_all()
            .build()?;
        let clients: Arc<Vec<_>> = Arc::new((0..number).map(|_| Mutex::default()).collect());
        let attempts = Arc::new(AtomicUsize::new(0));
        for n in 0..number {
            let mut servers = servers.to_vec();
            let first = n % servers.len();
            servers.rotate_left(first);
            let stay = stay(n, servers, Arc::clone(&clients), Arc::clone(&attempts));
            runtime.spawn(stay);
        }
        Ok(Self {
            clients,
            attempts,
            _runtime: runtime,
        })
    }

    /// Returns the number of clients that are connected.
    pub fn online(&self) -> usize {
        let clients = self.clients.iter();
        clients.filter(|client| lock(client).is_online).count()
    }

    /// Returns the number of clients that are connected and know exactly the other clients of their
    /// room.
    pub fn complete(&self) -> usize {
        let clients: Vec<_> = self.clients.iter().map(|c| lock(c).clone()).collect();
        let rooms = clients.chunks(ROOM_SIZE);
        let complete = |room: &[Client]| {
            let knows_all = |client: &&Client| {
                let others = room.iter().filter(|other| other.id != client.id);
                client.is_online
                    && client.members.len() + 1 == room.len()
                    && others
                        .map(|other| &other.id)
                        .all(|id| client.members.contains(id))
            };
            room.iter().filter(knows_all).count()
        };
        rooms.map(complete).sum()
    }

    /// Returns the number of attempts to connect so far.
    pub fn attempts(&self) -> usize {
        self.attempts.load(Ordering::Relaxed)
    }
}

fn lock(client: &Mutex<Client>) -> std::sync::MutexGuard<'_, Client> {
    client.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Keeps one client in its room.
async fn stay(
    n: usize,
    servers: Vec<SocketAddr>,
    clients: Arc<Vec<Mutex<Client>>>,
    attempts: Arc<AtomicUsize>,
) {
    let client = &clients[n];
    // All of them start within a few seconds.
    sleep(Duration::from_millis(4) * u32::try_from(n).unwrap_or(u32::MAX)).await;
    let mut secret = None;
    let mut spread = Duration::from_secs(4);
    loop {
        attempts.fetch_add(1, Ordering::Relaxed);
        let resume = secret
            .as_ref()
            .map(|secret| format!("&resume={secret}"))
            .unwrap_or_default();
        let path = format!("crowd-{}?huddle=1{resume}", n / ROOM_SIZE);
        let connecting = timeout(CONNECT_TIMEOUT, connect(&servers, &path));
        let mut was_online = false;
        if let Ok(Some(mut socket)) = connecting.await {
            while let Some(event) = event(&mut socket).await {
                let mut client = lock(client);
                was_online |= apply(&mut client, &event);
                if let Some(session) = event.get("Session") {
                    secret = session["resume"].as_str().map(str::to_owned);
                    let announced = session["spread_ms"].as_u64().unwrap_or(30_000);
                    spread = Duration::from_millis(announced);
                }
            }
            lock(client).is_online = false;
        }
        let chance = fastrand::f64();
        let wait = if was_online {
            SHORTEST_WAIT + (spread - SHORTEST_WAIT).mul_f64(chance)
        } else {
            spread + SHORTEST_WAIT.mul_f64(chance)
        };
        sleep(wait).await;
    }
}

type Socket = WebSocketStream<MaybeTlsStream<TcpStream>>;

/// Connects to the first server that runs.
async fn connect(servers: &[SocketAddr], path: &str) -> Option<Socket> {
    for server in servers {
        let url = format!("ws://{server}/{path}");
        match tokio_tungstenite::connect_async(url).await {
            Ok((socket, _)) => return Some(socket),
            Err(tokio_tungstenite::tungstenite::Error::Io(_)) => {}
            Err(_) => return None,
        }
    }
    None
}

/// Returns the next event, or `None` when the connection ends.
async fn event(socket: &mut Socket) -> Option<Value> {
    loop {
        match timeout(KEEP_ALIVE, socket.next()).await {
            Err(_) => socket.send("\"KeepAlive\"".into()).await.ok()?,
            Ok(Some(Ok(Message::Text(text)))) => return serde_json::from_str(&text).ok(),
            Ok(Some(Ok(Message::Ping(_) | Message::Pong(_)))) => {}
            Ok(_) => return None,
        }
    }
}

/// Updates what a client knows. Returns whether the event shows that the server has accepted it.
fn apply(client: &mut Client, event: &Value) -> bool {
    let id = |name: &str| event.get(name).and_then(Value::as_str).map(str::to_owned);
    let set = |ids: &Value| {
        let ids = ids.as_array().into_iter().flatten();
        let ids = ids.filter_map(Value::as_str);
        ids.map(str::to_owned).collect()
    };
    if let Some(assigned) = id("IdAssigned") {
        if client.id != assigned {
            client.members.clear();
        }
        client.id = assigned;
        client.is_online = true;
        return true;
    }
    if let Some(joined) = id("NewPeer") {
        client.members.insert(joined);
    } else if let Some(left) = id("PeerLeft") {
        client.members.remove(&left);
    } else if let Some(members) = event.get("Members") {
        client.members = set(members);
    } else if let Some(members) = event["Session"].get("members") {
        client.members = set(members);
    }
    false
}
