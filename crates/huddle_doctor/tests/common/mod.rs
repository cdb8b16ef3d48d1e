//! Servers for the tests of the program, and its output.

use std::{
    net::{Ipv4Addr, SocketAddr, UdpSocket},
    process::Command,
    sync::mpsc,
    thread,
};

use huddle_signaling::{Config, Server};

/// What the program printed, and whether it exited with 0.
#[derive(Debug)]
pub(crate) struct Output {
    pub(crate) text: String,
    pub(crate) is_success: bool,
}

impl Output {
    #[track_caller]
    pub(crate) fn assert_contains(&self, expected: &str) {
        let text = &self.text;
        assert!(text.contains(expected), "{expected} is missing in:\n{text}");
    }
}

/// Runs the program.
pub(crate) fn doctor(arguments: &[&str]) -> Output {
    let output = Command::new(env!("CARGO_BIN_EXE_huddle-doctor"))
        .args(arguments)
        .output()
        .unwrap();
    Output {
        text: String::from_utf8(output.stdout).unwrap(),
        is_success: output.status.success(),
    }
}

/// Returns the address of this machine in its network, or the loopback address if it is offline.
pub(crate) fn own_address() -> Ipv4Addr {
    let socket = UdpSocket::bind((Ipv4Addr::UNSPECIFIED, 0)).unwrap();
    // Selects the interface, and sends nothing.
    match socket.connect((Ipv4Addr::new(198, 51, 100, 1), 9)) {
        Ok(()) => own(&socket),
        Err(_) => Ipv4Addr::LOCALHOST,
    }
}

fn own(socket: &UdpSocket) -> Ipv4Addr {
    match socket.local_addr().unwrap() {
        SocketAddr::V4(address) => *address.ip(),
        SocketAddr::V6(address) => panic!("{address} is not of IPv4"),
    }
}

/// Starts a signaling server, and returns its URL.
pub(crate) fn signaling() -> String {
    let (sender, receiver) = mpsc::channel();
    thread::spawn(move || {
        let runtime = tokio::runtime::Runtime::new().unwrap();
        runtime.block_on(async {
            let server = Server::bind(Config {
                bind: (Ipv4Addr::LOCALHOST, 0).into(),
                ..Config::default()
            });
            let server = server.await.unwrap();
            sender.send(server.local_addr()).unwrap();
            server.run(std::future::pending()).await;
        });
    });
    format!("ws://{}", receiver.recv().unwrap())
}
