//! The program: its output, start, errors and shutdown.
#![cfg(unix)]

mod common;

use std::{
    net::SocketAddr,
    process::{Output, Stdio},
    time::{Duration, Instant},
};

use common::{Client, TIMEOUT, get, get_on};
use huddle_signaling::close_code;
use tokio::{
    io::{AsyncBufReadExt, AsyncWriteExt, BufReader},
    net::{TcpListener, TcpStream},
    process::{Child, Command},
    time::{sleep, timeout},
};

fn program() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_huddle-signaling"));
    command
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true);
    command
}

/// Starts the program. It disconnects all clients at once when it ends.
async fn start() -> (Child, SocketAddr) {
    start_with(&["--drain", "0s"]).await
}

async fn start_with(args: &[&str]) -> (Child, SocketAddr) {
    let mut command = program();
    let mut child = command
        .args(["--bind", "127.0.0.1:0"])
        .args(args)
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let line = timeout(TIMEOUT, lines.next_line()).await.unwrap().unwrap();
    let addr = line
        .as_deref()
        .and_then(|line| line.strip_prefix("listening on http://"));
    (child, addr.unwrap().parse().unwrap())
}

async fn signal(child: &Child, name: &str) {
    let id = child.id().unwrap().to_string();
    let sent = Command::new("kill").args(["-s", name, &id]).status();
    assert!(sent.await.unwrap().success());
}

/// Runs the program, which must fail, and returns its error output.
async fn failure(args: &[&str]) -> String {
    let run = timeout(TIMEOUT, program().args(args).output());
    let Output {
        status,
        stdout,
        stderr,
    } = run.await.unwrap().unwrap();
    assert!(!status.success());
    assert!(stdout.is_empty(), "stdout must contain only the address");
    String::from_utf8(stderr).unwrap()
}

#[tokio::test]
async fn termination_signal_closes_every_connection_and_exits_with_0() {
    for name in ["TERM", "INT"] {
        let (mut child, addr) = start().await;
        let extended = Client::join(addr, "/room?huddle=1").await;
        let stock = Client::join(addr, "/pair?next=2").await;
        // An idle keep-alive connection does not delay the exit.
        let mut page = TcpStream::connect(addr).await.unwrap();
        assert_eq!(get_on(&mut page, "/health", "").await.status, 200);
        let started = Instant::now();
        signal(&child, name).await;
        assert_eq!(extended.closed().await.0, close_code::GOING_AWAY);
        assert_eq!(stock.closed().await.0, close_code::GOING_AWAY);
        let status = timeout(TIMEOUT, child.wait()).await.unwrap().unwrap();
        assert_eq!(status.code(), Some(0));
        assert!(started.elapsed() < Duration::from_secs(1));
    }
}

#[tokio::test]
async fn unresponsive_clients_do_not_prevent_the_exit() {
    let (mut child, addr) = start().await;
    let mut incomplete = TcpStream::connect(addr).await.unwrap();
    incomplete
        .write_all(b"GET /room HTTP/1.1\r\n")
        .await
        .unwrap();
    let _stalled = Client::join(addr, "/room").await;
    let started = Instant::now();
    signal(&child, "TERM").await;
    let status = timeout(TIMEOUT, child.wait()).await.unwrap().unwrap();
    assert_eq!(status.code(), Some(0));
    assert!(started.elapsed() < Duration::from_secs(2));
}

#[tokio::test]
async fn second_signal_ends_the_drain() {
    let (mut child, addr) = start_with(&["--drain", "1h"]).await;
    let clients = [
        Client::join(addr, "/room?huddle=1").await,
        Client::join(addr, "/pair?next=2").await,
    ];
    signal(&child, "TERM").await;
    let draining = async {
        while get(addr, "/ready", "").await.status == 200 {
            sleep(Duration::from_millis(10)).await;
        }
    };
    timeout(TIMEOUT, draining).await.unwrap();
    assert_eq!(child.try_wait().unwrap(), None);
    signal(&child, "INT").await;
    for client in clients {
        assert_eq!(client.closed().await.0, close_code::GOING_AWAY);
    }
    let status = timeout(TIMEOUT, child.wait()).await.unwrap().unwrap();
    assert_eq!(status.code(), Some(0));
}

#[tokio::test]
async fn drain_without_clients_ends_at_once() {
    let (mut child, _) = start_with(&["--drain", "1h"]).await;
    signal(&child, "TERM").await;
    let status = timeout(TIMEOUT, child.wait()).await.unwrap().unwrap();
    assert_eq!(status.code(), Some(0));
}

#[tokio::test]
async fn taken_port_error_suggests_another_port() {
    let taken = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let addr = taken.local_addr().unwrap().to_string();
    let error = failure(&["--bind", &addr]).await;
    assert!(
        error.contains(&addr) && error.contains("already taken"),
        "{error}"
    );
    assert!(error.contains("another port"), "{error}");
}

#[tokio::test]
async fn invalid_arguments_are_explained() {
    let error = failure(&["--serve", "no/such/folder"]).await;
    assert!(error.contains("no/such/folder"), "{error}");
    let error = failure(&["--serve", env!("CARGO_BIN_EXE_huddle-signaling")]).await;
    assert!(error.contains("existing folder"), "{error}");
    let error = failure(&["--bind", "192.0.2.1:3536"]).await;
    assert!(error.contains("address of this machine"), "{error}");
    let error = failure(&["--max-queue-bytes", "1000"]).await;
    assert!(error.contains("max_queue_bytes"), "{error}");
    let error = failure(&["--log", "loud"]).await;
    assert!(error.contains("debug"), "{error}");
}

#[tokio::test]
async fn help_contains_examples_and_instructions() {
    let output = program().arg("--help").output().await.unwrap();
    let help = String::from_utf8(output.stdout).unwrap();
    for words in [
        "Examples:",
        "ws://HOST:3536/ROOM?next=2",
        "nginx",
        "/health",
    ] {
        assert!(help.contains(words), "{words}");
    }
}
