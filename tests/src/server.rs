//! The signaling server, which also serves the pages.

use std::{
    io::{Read, Write},
    net::{IpAddr, Ipv4Addr, SocketAddr, TcpStream},
    path::Path,
    sync::mpsc,
    time::{Duration, Instant},
};

use anyhow::{Context, ensure};
use nix::sys::signal::{Signal, kill};

use crate::{
    artifacts::{Artifacts, TEST_PLAYER},
    child::{self, ChildGuard},
    forwarder::Forwarder,
};

/// An option of the server: the name of its environment variable, and its value.
pub type ServerOption = (&'static str, String);

const START_TIMEOUT: Duration = Duration::from_secs(10);

/// A signaling server that runs or was killed.
pub struct Server {
    artifacts: Artifacts,
    options: Vec<ServerOption>,
    address: SocketAddr,
    process: Option<ChildGuard>,
}

impl Server {
    /// Starts the server on a free port.
    ///
    /// # Errors
    /// Returns an error if the server does not report that it listens.
    pub fn start(artifacts: &Artifacts) -> anyhow::Result<Self> {
        Self::start_at(artifacts, Ipv4Addr::LOCALHOST)
    }

    /// Starts the server on a free port of an address, which must belong to the network of this
    /// thread.
    ///
    /// # Errors
    /// Returns an error if the server does not report that it listens.
    pub fn start_at(artifacts: &Artifacts, address: impl Into<IpAddr>) -> anyhow::Result<Self> {
        Self::start_on(artifacts, SocketAddr::new(address.into(), 0))
    }

    /// Starts the server on a given port.
    ///
    /// # Errors
    /// Returns an error if the server does not report that it listens.
    pub fn start_on(artifacts: &Artifacts, address: SocketAddr) -> anyhow::Result<Self> {
        Self::launch(artifacts, address, Vec::new())
    }

    /// Starts the server on a free port, with options.
    ///
    /// # Errors
    /// Returns an error if the server does not report that it listens.
    pub fn with_options(artifacts: &Artifacts, options: Vec<ServerOption>) -> anyhow::Result<Self> {
        let address = SocketAddr::new(Ipv4Addr::LOCALHOST.into(), 0);
        Self::launch(artifacts, address, options)
    }

    fn launch(
        artifacts: &Artifacts,
        address: SocketAddr,
        options: Vec<ServerOption>,
    ) -> anyhow::Result<Self> {
        let (process, address) = launch(artifacts, address, &options)?;
        Ok(Self {
            artifacts: artifacts.clone(),
            options,
            address,
            process: Some(process),
        })
    }

    /// Returns this server at the address of a forwarder. The returned value does not own the
    /// process.
    pub fn behind(&self, forwarder: &Forwarder) -> Self {
        Self {
            artifacts: self.artifacts.clone(),
            options: self.options.clone(),
            address: forwarder.address(),
            process: None,
        }
    }

    /// Sends SIGTERM, which begins the shutdown.
    ///
    /// # Errors
    /// Returns an error if the server does not run.
    pub fn terminate(&self) -> anyhow::Result<()> {
        let process = self.process.as_ref().context("the server does not run")?;
        Ok(kill(process.process(), Signal::SIGTERM)?)
    }

    /// Creates a token with the server's own program.
    ///
    /// # Errors
    /// Returns an error if the program does not print one.
    pub fn token(&self, key: &Path, arguments: &[&str]) -> anyhow::Result<String> {
        let mut command = child::command(self.artifacts.program("huddle-signaling"));
        command
            .arg("token")
            .arg("--key-file")
            .arg(key)
            .args(arguments);
        let output = command.output()?;
        let error = String::from_utf8_lossy(&output.stderr);
        ensure!(output.status.success(), "no token: {error}");
        Ok(String::from_utf8(output.stdout)?.trim().to_owned())
    }

    /// Returns the number of connected clients.
    ///
    /// # Errors
    /// Returns an error if the server does not answer.
    pub fn clients(&self) -> anyhow::Result<u64> {
        let mut stream = TcpStream::connect(self.address)?;
        stream
            .write_all(b"GET /health HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")?;
        let mut response = String::new();
        stream.read_to_string(&mut response)?;
        let (_, body) = response.split_once("\r\n\r\n").context("no response")?;
        let health: serde_json::Value = serde_json::from_str(body)?;
        health["clients"].as_u64().context("no number of clients")
    }

    /// Kills the server with SIGKILL.
    pub fn kill(&mut self) {
        self.process = None;
    }

    /// Restarts the server on the same port. Returns the time at which it listens.
    ///
    /// # Errors
    /// Returns an error if the server does not report that it listens.
    pub fn restart(&mut self) -> anyhow::Result<Instant> {
        self.kill();
        let (process, _) = launch(&self.artifacts, self.address, &self.options)?;
        self.process = Some(process);
        Ok(Instant::now())
    }

    /// Returns the address on which the server listens, or listened.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Returns the URL of the page that lists the examples.
    pub fn index(&self) -> String {
        format!("http://{}/", self.address)
    }

    /// Returns the URL of an example's page.
    pub fn page(&self, example: &str, query: &str) -> String {
        format!("http://{}/{example}/?{query}", self.address)
    }

    /// Returns the URL of the page that plays `hello` and reports its state.
    pub fn player(&self, query: &str) -> String {
        self.page(TEST_PLAYER, query)
    }

    /// Returns the URL of a room.
    pub fn room(&self, name: &str) -> String {
        format!("ws://{}/{name}", self.address)
    }
}

fn launch(
    artifacts: &Artifacts,
    address: SocketAddr,
    options: &[ServerOption],
) -> anyhow::Result<(ChildGuard, SocketAddr)> {
    let (sender, receiver) = mpsc::channel();
    let mut command = child::command(artifacts.program("huddle-signaling"));
    command
        .args(["--bind", &address.to_string(), "--serve"])
        .arg(&artifacts.site)
        .envs(options.iter().map(|(name, value)| (name, value)));
    let mut process = ChildGuard::start("the server", &mut command, move |line| {
        if let Some(address) = line.strip_prefix("listening on http://") {
            // Only the first address has a receiver.
            let _ = sender.send(address.trim().to_owned());
        }
        Some(line)
    })?;
    let Ok(address) = receiver.recv_timeout(START_TIMEOUT) else {
        process.check_alive()?;
        anyhow::bail!(
            "the server did not report that it is listening:\n{}",
            process.log.text()
        );
    };
    let address = address
        .parse()
        .with_context(|| format!("the server printed an invalid address: {address:?}"))?;
    Ok((process, address))
}
