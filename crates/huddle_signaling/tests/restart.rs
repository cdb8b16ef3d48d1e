//! A restart of a server with many clients. The clients wait like those of `huddle_mesh`, whose
//! waits its own tests check.
#![cfg(target_os = "linux")]

mod common;

use std::{
    net::SocketAddr,
    process::Stdio,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use common::{TIMEOUT, connect, get, listening};
use futures_util::StreamExt;
use tokio::{
    process::{Child, Command},
    time::sleep,
};

/// The number of clients, and the longest time for which a linked client waits.
fn clients_and_wait() -> (usize, Duration) {
    if std::env::var("HUDDLE_LONG").is_ok_and(|long| long == "1") {
        (4000, Duration::from_secs(30))
    } else {
        (400, Duration::from_secs(3))
    }
}

async fn start(bind: &str) -> (Child, SocketAddr) {
    let mut child = Command::new(env!("CARGO_BIN_EXE_huddle-signaling"))
        .args(["--bind", bind])
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .kill_on_drop(true)
        .spawn()
        .unwrap();
    let addr = listening(&mut child).await;
    (child, addr)
}

async fn clients(addr: SocketAddr) -> u64 {
    let response = get(addr, "/health", "").await;
    let health: serde_json::Value = serde_json::from_slice(&response.body).unwrap();
    health["clients"].as_u64().unwrap()
}

/// Stays connected. After a loss, waits between one thirtieth of `wait` and all of it.
async fn stay(addr: SocketAddr, room: String, wait: Duration, attempts: Arc<AtomicUsize>) {
    loop {
        attempts.fetch_add(1, Ordering::Relaxed);
        if let Ok(mut socket) = connect(addr, &room).await {
            while let Some(Ok(_)) = socket.next().await {}
        }
        sleep(wait.mul_f64(fastrand::f64() * 29.0 / 30.0 + 1.0 / 30.0)).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn clients_return_after_a_restart_and_never_many_at_once() {
    rlimit::increase_nofile_limit(u64::MAX).unwrap();
    let (number, wait) = clients_and_wait();
    let (mut server, addr) = start("127.0.0.1:0").await;
    let attempts = Arc::new(AtomicUsize::new(0));
    for n in 0..number {
        let room = format!("/{}?huddle=1", n / 4);
        tokio::spawn(stay(addr, room, wait, Arc::clone(&attempts)));
        if n % 50 == 0 {
            sleep(Duration::from_millis(10)).await;
        }
    }
    let all = u64::try_from(number).unwrap();
    let started = Instant::now();
    while clients(addr).await < all {
        assert!(started.elapsed() < wait + TIMEOUT, "they do not connect");
        sleep(Duration::from_millis(100)).await;
    }

    server.kill().await.unwrap();
    let (_server, _) = start(&addr.to_string()).await;
    let (restarted, mut peak) = (Instant::now(), 0.0_f64);
    let (mut before, mut measured) = (attempts.load(Ordering::Relaxed), Instant::now());
    let window = wait / 30;
    while clients(addr).await < all {
        let elapsed = restarted.elapsed();
        assert!(
            elapsed < wait + TIMEOUT,
            "{} of {all} are back after {elapsed:?}",
            clients(addr).await
        );
        sleep(window).await;
        let now = attempts.load(Ordering::Relaxed);
        #[expect(clippy::cast_precision_loss, reason = "a small number")]
        let rate = (now - before) as f64 / measured.elapsed().as_secs_f64();
        peak = peak.max(rate);
        (before, measured) = (now, Instant::now());
    }
    println!(
        "{all} clients are back after {:?}, with at most {peak:.0} handshakes per second",
        restarted.elapsed()
    );
    #[expect(clippy::cast_precision_loss, reason = "a small number")]
    let average = number as f64 / wait.as_secs_f64();
    assert!(peak < 2.0 * average, "{peak:.0} handshakes per second");
}
