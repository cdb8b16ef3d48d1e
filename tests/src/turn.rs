//! A TURN server.

use std::{
    net::UdpSocket,
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context, bail};

use crate::child::{self, ChildGuard};

/// The address on which the server listens and relays. No player has it.
pub const TURN_ADDRESS: &str = "10.77.0.2";
const PORT: u16 = 3478;
const START_TIMEOUT: Duration = Duration::from_secs(10);
/// A STUN binding request (RFC 8489). Every STUN and TURN server answers it.
const BINDING: [u8; 20] = [
    0, 1, 0, 0, 0x21, 0x12, 0xA4, 0x42, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12,
];

/// A running coturn. Dropping it stops the server.
pub struct Turn {
    _process: ChildGuard,
}

impl Turn {
    /// Starts coturn with the user `ada` and the password `secret`.
    ///
    /// # Errors
    /// Returns an error if coturn does not start or does not respond.
    pub fn start() -> anyhow::Result<Self> {
        let mut command = child::command("turnserver");
        command.args([
            "-n",
            "--lt-cred-mech",
            "--realm=huddle.test",
            "--user=ada:secret",
        ]);
        command.args([
            "--no-cli",
            "--no-tls",
            "--no-dtls",
            "--log-file=stdout",
            "--simple-log",
        ]);
        command.args(["--pidfile=/dev/null", "--listening-port", &PORT.to_string()]);
        command.args(["--listening-ip", TURN_ADDRESS, "--relay-ip", TURN_ADDRESS]);
        let mut process = ChildGuard::start("coturn", &mut command, Some)
            .context("coturn is needed: install the package `coturn`")?;
        let began = Instant::now();
        while !answers()? {
            process.check_alive()?;
            if began.elapsed() > START_TIMEOUT {
                bail!("coturn did not respond:\n{}", process.log.text());
            }
            thread::sleep(Duration::from_millis(100));
        }
        Ok(Self { _process: process })
    }

    /// Returns the address in the format of the `--ice` option, with user and password.
    pub fn address() -> String {
        format!("ada:secret@turn:{TURN_ADDRESS}:{PORT}")
    }
}

fn answers() -> anyhow::Result<bool> {
    let socket = UdpSocket::bind((TURN_ADDRESS, 0))?;
    socket.set_read_timeout(Some(Duration::from_millis(200)))?;
    socket.send_to(&BINDING, (TURN_ADDRESS, PORT))?;
    Ok(socket.recv(&mut [0; 512]).is_ok())
}
