//! Many rooms and connections, with the server in a process of its own.
#![cfg(target_os = "linux")]

mod common;

use std::{
    net::SocketAddr,
    process::Stdio,
    time::{Duration, Instant},
};

use common::{
    Client, TIMEOUT,
    attack::{Honest, run_alone},
    get, listening,
};
use futures_util::{StreamExt, stream};
use serde_json::{Value, json};
use tokio::{
    io::AsyncWriteExt,
    net::TcpStream,
    process::{Child, Command},
    time::timeout,
};

/// Raises the limit of open files, and returns it, less those that a test needs otherwise.
fn open_files() -> usize {
    let limit = rlimit::increase_nofile_limit(u64::MAX).unwrap();
    usize::try_from(limit).unwrap_or(usize::MAX) - 200
}

/// Starts the server, after a command of the shell.
async fn start(before: &str, arguments: &[&str]) -> (Child, SocketAddr, String) {
    let mut child = Command::new("sh")
        .arg("-c")
        .arg(format!("{before}; exec \"$0\" \"$@\""))
        .arg(env!("CARGO_BIN_EXE_huddle-signaling"))
        .args(["--bind", "127.0.0.1:0"])
        .args(arguments)
        .stdout(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .unwrap();
    let addr = listening(&mut child).await;
    let id = child.id().unwrap().to_string();
    (child, addr, id)
}

async fn health(addr: SocketAddr) -> Value {
    let response = get(addr, "/health", "").await;
    serde_json::from_slice(&response.body).unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ten_thousand_rooms_work() {
    let _alone = run_alone().await;
    let rooms = open_files().min(10_000);
    assert!(
        rooms > 1000,
        "the system allows too few open files: raise `ulimit -n`"
    );
    let (_child, addr, id) = start("true", &["--max-clients", "11000"]).await;
    let honest = Honest::join(addr, &id).await;
    let joins = (0..rooms).map(|n| async move { Client::join(addr, &format!("/{n}")).await });
    let mut clients: Vec<_> = stream::iter(joins).buffer_unordered(50).collect().await;
    let found = health(addr).await;
    assert_eq!(
        (&found["rooms"], &found["clients"]),
        (&json!(rooms + 1), &json!(rooms + 2))
    );
    for client in clients.iter_mut().step_by(500) {
        client.expect_nothing().await;
    }
    drop(clients);
    let emptied = timeout(TIMEOUT, async {
        while health(addr).await["clients"] != json!(2) {}
    });
    emptied
        .await
        .expect("the server must notice that the clients left");
    // 12 KiB for each client.
    honest.check(rooms * 12 / 1024 + 16).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn half_open_connections_of_the_own_machine_do_not_keep_players_out() {
    let _alone = run_alone().await;
    let connections = open_files().min(4500);
    assert!(
        connections >= 4200,
        "the system allows too few open files: raise `ulimit -n`"
    );
    let (_child, addr, id) = start("true", &[]).await;
    let honest = Honest::join(addr, &id).await;
    let mut half_open = Vec::new();
    for n in 0..connections {
        let mut stream = TcpStream::connect(addr).await.unwrap();
        if n % 2 == 0 {
            let head = b"GET /room HTTP/1.1\r\nX-Forwarded-For: 203.0.113.7\r\n";
            // The server may have dropped the connection already.
            let _ = stream.write_all(head).await;
        }
        half_open.push(stream);
    }
    let started = Instant::now();
    Client::join(addr, "/room").await;
    let took = started.elapsed();
    assert!(took < Duration::from_secs(1), "joining took {took:?}");
    honest.check(64).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn half_open_connections_do_not_keep_players_out_of_a_server_with_few_open_files() {
    let _alone = run_alone().await;
    let (_child, addr, id) = start("ulimit -n 200", &["--log", "error"]).await;
    let honest = Honest::join(addr, &id).await;
    let mut half_open = Vec::new();
    for _ in 0..500 {
        half_open.push(TcpStream::connect(addr).await.unwrap());
    }
    let started = Instant::now();
    Client::join(addr, "/room").await;
    let took = started.elapsed();
    assert!(took < Duration::from_secs(4), "joining took {took:?}");
    honest.check(64).await;
}
