//! The program with coturn, if it is installed. The tests with several processes always have it.

mod common;

use std::{
    net::{Ipv4Addr, UdpSocket},
    process::{Child, Command, Stdio},
    thread::sleep,
    time::Duration,
};

use common::{doctor, own_address, signaling};

/// A STUN request that every server answers.
const BINDING: [u8; 20] = [
    0, 1, 0, 0, 0x21, 0x12, 0xA4, 0x42, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12,
];

struct Coturn {
    process: Child,
    address: String,
}

impl Coturn {
    /// Starts coturn with the user `ada` and the password `secret`. Returns `None` if it is not
    /// installed.
    fn start(ip: Ipv4Addr) -> Option<Self> {
        let free = UdpSocket::bind((ip, 0)).unwrap();
        let port = free.local_addr().unwrap().port();
        drop(free);
        let (ip_text, port_text) = (ip.to_string(), port.to_string());
        let process = Command::new("turnserver")
            .args(["-n", "--lt-cred-mech", "--realm=huddle.test"])
            .args(["--user=ada:secret", "--no-cli", "--no-tls", "--no-dtls"])
            .args(["--log-file=stdout", "--pidfile=/dev/null"])
            .args(["--listening-ip", &ip_text, "--relay-ip", &ip_text])
            .args(["--listening-port", &port_text])
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .ok()?;
        let coturn = Self {
            process,
            address: format!("{ip}:{port}"),
        };
        let socket = UdpSocket::bind((ip, 0)).unwrap();
        let timeout = Duration::from_millis(200);
        socket.set_read_timeout(Some(timeout)).unwrap();
        for _ in 0..50 {
            socket.send_to(&BINDING, (ip, port)).unwrap();
            if socket.recv(&mut [0; 512]).is_ok() {
                return Some(coturn);
            }
            sleep(Duration::from_millis(50));
        }
        panic!("coturn does not respond");
    }
}

impl Drop for Coturn {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

#[test]
fn relayed_links_and_refused_logins_are_reported() {
    let address = own_address();
    let Some(coturn) = Coturn::start(address) else {
        let must_run = std::env::var("CI").is_ok_and(|ci| ci == "true");
        assert!(
            !must_run,
            "coturn does not start: install the package `coturn`"
        );
        println!("skipped, because coturn does not start");
        return;
    };
    let address = &coturn.address;
    let server = signaling();
    let (stun, turn) = (format!("stun:{address}"), format!("turn:{address}"));
    let good = format!("ada:secret@{turn}");
    let output = doctor(&["--server", &server, "--ice", &stun, "--ice", &good]);
    output.assert_contains("You can play with players everywhere.");
    for expected in ["[--] host: ", "[--] srflx: ", "[--] relay: "] {
        output.assert_contains(expected);
    }
    output.assert_contains(&format!("[ok] {turn} answered in "));
    output.assert_contains("[ok] any path: open in ");
    output.assert_contains("[ok] relayed only: open in ");
    output.assert_contains(" ms, relayed");
    assert!(!output.text.contains("secret"), "{output:?}");
    assert!(output.is_success, "{output:?}");

    for turn in [turn.clone(), format!("{turn}?transport=tcp")] {
        let output = doctor(&["--ice", &format!("ada:wrong@{turn}")]);
        output.assert_contains(&format!("[!!] {turn} refused the login (401"));
        output.assert_contains("check its user name and password");
    }

    // As in a network that blocks UDP, and lets the relay through.
    let over_tcp = format!("{turn}?transport=tcp");
    let dead = format!("stun:{}", own_address());
    let output = doctor(&["--ice", &dead, "--ice", &format!("ada:secret@{over_tcp}")]);
    output.assert_contains(&format!("[ok] {over_tcp} answered in "));
    output.assert_contains("Your connections go through the game's relay.");
    assert!(output.is_success, "{output:?}");
}
