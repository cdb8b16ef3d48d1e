//! Two honest players whose signals show that an attack does not disturb them, and the memory of
//! the server.

use std::{
    net::{IpAddr, SocketAddr},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use huddle_signaling::Config;
use serde_json::json;
use tokio::{
    io::AsyncWriteExt,
    net::TcpStream,
    sync::{Mutex, MutexGuard},
    task::JoinHandle,
    time::sleep,
};

use super::{
    Client, RunningServer, local_config,
    sources::{join_from, loopback, tcp_from},
};

/// The address of the honest players.
pub(crate) const HONEST: u8 = 254;

/// The time that a signal or a join of an honest player may take during an attack. Without an attack, it
/// takes less than a millisecond. The attackers run on the same machine.
const SLOWEST: Duration = Duration::from_secs(4);

/// Two players that send each other signals.
pub(crate) struct Honest {
    is_over: Arc<AtomicBool>,
    /// Returns the players, and by how many MiB the memory of the server has grown at most.
    exchange: JoinHandle<(Client, Client, Option<usize>)>,
    addr: SocketAddr,
}

impl Honest {
    /// Joins a server, which runs in a process. `self` is the process of the test.
    pub(crate) async fn join(addr: SocketAddr, process: &str) -> Self {
        let mut a = join_from(loopback(HONEST), addr, "/honest").await;
        let mut b = join_from(loopback(HONEST), addr, "/honest").await;
        a.expect_new_peer(&b).await;
        let is_over = Arc::new(AtomicBool::new(false));
        let over = Arc::clone(&is_over);
        let process = process.to_owned();
        let exchange = tokio::spawn(async move {
            let before = memory(&process);
            let mut growth = None;
            let mut signals = 0;
            while !over.load(Ordering::Relaxed) {
                let started = Instant::now();
                a.signal(b.id, json!({ "Offer": signals })).await;
                b.expect_signal(a.id, json!({ "Offer": signals })).await;
                b.signal(a.id, json!({ "Answer": signals })).await;
                a.expect_signal(b.id, json!({ "Answer": signals })).await;
                let took = started.elapsed();
                assert!(took < SLOWEST, "a signal took {took:?}");
                signals += 1;
                let now = memory(&process).zip(before);
                growth = growth.max(now.map(|(now, before)| now.saturating_sub(before)));
                sleep(Duration::from_millis(10)).await;
            }
            assert!(signals > 0);
            (a, b, growth)
        });
        Self {
            is_over,
            exchange,
            addr,
        }
    }

    /// Checks that the players were never disturbed, that another player can join them at once, and
    /// that the memory of the server never grew by more than some MiB.
    pub(crate) async fn check(self, max_memory: usize) {
        self.is_over.store(true, Ordering::Relaxed);
        let (mut a, mut b, growth) = self.exchange.await.unwrap();
        // Not every system reports it.
        assert!(
            growth <= Some(max_memory),
            "the memory grew by {growth:?} MiB"
        );
        let started = Instant::now();
        let c = join_from(loopback(HONEST), self.addr, "/honest").await;
        a.expect_new_peer(&c).await;
        b.expect_new_peer(&c).await;
        let took = started.elapsed();
        assert!(took < SLOWEST, "joining took {took:?}");
        a.expect_nothing().await;
        b.expect_nothing().await;
    }
}

/// Sends a request to join, and returns the connection. The client has no protection against
/// mistakes.
pub(crate) async fn raw_join(source: IpAddr, addr: SocketAddr, room: &str) -> TcpStream {
    let mut stream = tcp_from(source, addr).await.unwrap();
    let request = format!(
        "GET {room} HTTP/1.1\r\nHost: {addr}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
         Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
    );
    stream.write_all(request.as_bytes()).await.unwrap();
    stream
}

/// Returns a frame of a client, without a limit of its length. `head` is the first byte.
pub(crate) fn frame(head: u8, payload: &[u8]) -> Vec<u8> {
    let mut frame = vec![head];
    match payload.len() {
        short @ ..126 => frame.push(0x80 | u8::try_from(short).unwrap()),
        medium @ 126..0x1_0000 => {
            frame.push(0xfe);
            frame.extend(u16::try_from(medium).unwrap().to_be_bytes());
        }
        long => {
            frame.push(0xff);
            frame.extend(u64::try_from(long).unwrap().to_be_bytes());
        }
    }
    // A mask of zeros leaves the payload as it is.
    frame.extend([0; 4]);
    frame.extend(payload);
    frame
}

/// Returns the memory that a process uses, in MiB. Returns `None` if the system does not report it.
fn memory(process: &str) -> Option<usize> {
    let status = std::fs::read_to_string(format!("/proc/{process}/status")).ok()?;
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix("VmRSS:"))?;
    let kib: usize = line.trim().strip_suffix(" kB")?.parse().ok()?;
    Some(kib / 1024)
}

/// The process that runs the tests and their servers.
const OWN: &str = "self";

/// Waits until no other test of the same file runs. The attacks measure time and memory.
pub(crate) async fn run_alone() -> MutexGuard<'static, ()> {
    static ALONE: Mutex<()> = Mutex::const_new(());
    ALONE.lock().await
}

/// A server that treats addresses of its own machine like those of the internet.
pub(crate) fn open_config() -> Config {
    Config {
        trusted_proxies: Vec::new(),
        ..local_config()
    }
}

/// An attack on a server.
pub(crate) struct Scene {
    server: RunningServer,
    honest: Honest,
    _alone: MutexGuard<'static, ()>,
}

impl Scene {
    /// Starts a server and the honest players.
    pub(crate) async fn start(config: Config) -> Self {
        let alone = run_alone().await;
        rlimit::increase_nofile_limit(100_000).unwrap();
        let server = super::start(config).await;
        let honest = Honest::join(server.addr, OWN).await;
        Self {
            server,
            honest,
            _alone: alone,
        }
    }

    pub(crate) fn addr(&self) -> SocketAddr {
        self.server.addr
    }

    /// Checks that the attack had no effect. The clients of the attack are part of the memory.
    pub(crate) async fn check(self, max_memory: usize) {
        self.honest.check(max_memory).await;
        drop(self.server);
    }
}
