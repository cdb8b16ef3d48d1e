//! A STUN and TURN server.

use std::{
    net::{IpAddr, SocketAddr, UdpSocket},
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context, bail};
use network_lab::Host;

use crate::{
    authority::Authority,
    child::{self, ChildGuard},
    credentials::TURN_SECRET,
    replaced::ReplacedFile,
};

/// The address on which the server listens and relays. No player has it.
pub const TURN_ADDRESS: &str = "10.77.0.2";
/// The port for UDP and for TCP.
const PORT: u16 = 3478;
/// The port for TLS. Firewalls let its packets pass, because it is the port of web servers.
const TLS_PORT: u16 = 443;
/// The server's name. Firefox ignores a TURN server with TLS whose URL contains an IP address.
const NAME: &str = "turn.test";
const START_TIMEOUT: Duration = Duration::from_secs(10);
/// A STUN binding request (RFC 8489). Every STUN and TURN server answers it.
const BINDING: [u8; 20] = [
    0, 1, 0, 0, 0x21, 0x12, 0xA4, 0x42, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12,
];

/// A running coturn. Dropping it stops the server.
pub struct Turn {
    address: IpAddr,
    _process: ChildGuard,
    /// The files with which programs look up the server's name.
    _names: Vec<ReplacedFile>,
}

impl Turn {
    /// Starts coturn at [`TURN_ADDRESS`], with the user `ada` and the password `secret`.
    ///
    /// # Errors
    /// Returns an error if coturn does not start or does not respond.
    pub fn start() -> anyhow::Result<Self> {
        let address = TURN_ADDRESS.parse()?;
        Ok(Self {
            address,
            _process: launch(address, &["--no-tls"])?,
            _names: Vec::new(),
        })
    }

    /// Starts coturn at [`TURN_ADDRESS`]. It accepts only logins of
    /// [`turn_credentials`](crate::turn_credentials), until they expire.
    ///
    /// # Errors
    /// Returns an error if coturn does not start or does not respond.
    pub fn start_expiring() -> anyhow::Result<Self> {
        let address = TURN_ADDRESS.parse()?;
        let secret = format!("--static-auth-secret={TURN_SECRET}");
        Ok(Self {
            address,
            _process: launch(address, &["--no-tls", "--use-auth-secret", &secret])?,
            _names: Vec::new(),
        })
    }

    /// Starts coturn on a host of a lab, with a certificate for TLS. All programs that this test
    /// process starts can look up its name.
    ///
    /// # Errors
    /// Returns an error if coturn does not start or does not respond.
    pub fn start_on(host: &Host, authority: &Authority) -> anyhow::Result<Self> {
        let address = host.address();
        let names = vec![
            ReplacedFile::new(
                "/etc/hosts",
                &format!("127.0.0.1 localhost\n{address} {NAME}\n"),
            )?,
            // Programs also ask for the server's IPv6 address, which is not in the file. A name
            // server that refuses the question at once is faster than one that does not respond.
            ReplacedFile::new("/etc/resolv.conf", "nameserver 127.0.0.1\n")?,
        ];
        let files = authority.certify(NAME)?;
        let (certificate, key) = (files.certificate.display(), files.key.display());
        let process = host.enter(|| {
            let arguments = [
                &format!("--cert={certificate}"),
                &format!("--pkey={key}"),
                &format!("--tls-listening-port={TLS_PORT}"),
            ];
            launch(address, &arguments.map(String::as_str))
        })??;
        Ok(Self {
            address,
            _process: process,
            _names: names,
        })
    }

    /// Returns the STUN server, in the format of the `--ice` option.
    pub fn stun(&self) -> String {
        format!("stun:{}", SocketAddr::new(self.address, PORT))
    }

    /// Returns the URL of the TURN server, without a login.
    pub fn url(&self) -> String {
        format!("turn:{}", SocketAddr::new(self.address, PORT))
    }

    /// Returns the TURN server with user and password, in the format of the `--ice` option.
    pub fn udp(&self) -> String {
        self.with_login("ada:secret")
    }

    /// The same, with another `user:password`.
    pub fn with_login(&self, login: &str) -> String {
        format!("{login}@{}", self.url())
    }

    /// The same, over TCP.
    pub fn tcp(&self) -> String {
        format!("{}?transport=tcp", self.udp())
    }

    /// The same, over TLS.
    pub fn tls(&self) -> String {
        format!("ada:secret@turns:{NAME}:{TLS_PORT}?transport=tcp")
    }
}

fn launch(address: IpAddr, arguments: &[&str]) -> anyhow::Result<ChildGuard> {
    let mut command = child::command("turnserver");
    command.args([
        "-n",
        "--lt-cred-mech",
        "--realm=huddle.test",
        "--user=ada:secret",
    ]);
    command.args(["--no-cli", "--no-dtls", "--log-file=stdout", "--simple-log"]);
    command.args(["--pidfile=/dev/null", "--listening-port", &PORT.to_string()]);
    let ip = address.to_string();
    command.args(["--listening-ip", &ip, "--relay-ip", &ip]);
    command.args(arguments);
    let mut process = ChildGuard::start("coturn", &mut command, Some)
        .context("coturn is needed: install the package `coturn`")?;
    let began = Instant::now();
    while !answers(address)? {
        process.check_alive()?;
        if began.elapsed() > START_TIMEOUT {
            bail!("coturn did not respond:\n{}", process.log.text());
        }
        thread::sleep(Duration::from_millis(100));
    }
    Ok(process)
}

fn answers(address: IpAddr) -> anyhow::Result<bool> {
    let socket = UdpSocket::bind((address, 0))?;
    socket.set_read_timeout(Some(Duration::from_millis(200)))?;
    socket.send_to(&BINDING, (address, PORT))?;
    Ok(socket.recv(&mut [0; 512]).is_ok())
}

/// A STUN server that receives packets but never answers, at every address of a host.
pub struct DeadStun {
    addresses: Vec<IpAddr>,
    _sockets: Vec<UdpSocket>,
}

impl DeadStun {
    /// Opens the port of a STUN server on a host of a lab.
    ///
    /// # Errors
    /// Returns an error if the port cannot be opened.
    pub fn start(host: &Host) -> anyhow::Result<Self> {
        let addresses = host.interface().addresses();
        // Open sockets that are never read drop packets without an ICMP error.
        let sockets = host.enter(|| {
            let bound = addresses
                .iter()
                .map(|address| UdpSocket::bind((*address, PORT)));
            bound.collect::<Result<_, _>>()
        })??;
        Ok(Self {
            addresses,
            _sockets: sockets,
        })
    }

    /// Returns the STUN servers, one per address, in the format of the `--ice` option.
    pub fn servers(&self) -> Vec<String> {
        let addresses = self.addresses.iter();
        addresses
            .map(|address| format!("stun:{}", SocketAddr::new(*address, PORT)))
            .collect()
    }
}
