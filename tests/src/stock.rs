//! Stock matchbox programs: the published server, and a client built with the published crate.

use std::{
    net::{SocketAddr, TcpListener, TcpStream},
    sync::{Arc, Mutex, PoisonError},
    thread,
    time::{Duration, Instant},
};

use anyhow::bail;
use huddle_mesh::SignalingId;
use numbered::Report;
use uuid::Uuid;

use crate::{
    artifacts::Artifacts,
    child::{self, ChildGuard},
};

const START_TIMEOUT: Duration = Duration::from_secs(10);
const POLL: Duration = Duration::from_millis(30);

/// A running `matchbox_server`. Dropping it stops the server.
pub struct StockServer {
    address: SocketAddr,
    _process: ChildGuard,
}

impl StockServer {
    /// Starts the server on a free port.
    ///
    /// # Errors
    /// Returns an error if it does not listen.
    pub fn start(artifacts: &Artifacts) -> anyhow::Result<Self> {
        // The server does not print its port, so the test chooses one. Nothing else opens ports in
        // this network.
        let address = TcpListener::bind(("127.0.0.1", 0))?.local_addr()?;
        let mut command = child::command(artifacts.stock_server());
        command.arg(address.to_string()).env("NO_COLOR", "1");
        let mut process = ChildGuard::start("the stock server", &mut command, Some)?;
        let began = Instant::now();
        while TcpStream::connect(address).is_err() {
            process.check_alive()?;
            if began.elapsed() > START_TIMEOUT {
                bail!(
                    "the stock server did not start listening:\n{}",
                    process.log.text()
                );
            }
            thread::sleep(POLL);
        }
        Ok(Self {
            address,
            _process: process,
        })
    }

    /// Returns the address on which the server listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Returns the URL of a room.
    pub fn room(&self, name: &str) -> String {
        format!("ws://{}/{name}", self.address)
    }
}

/// A stock client that sends numbered messages to every peer, on all channels.
pub struct StockClient {
    process: ChildGuard,
    latest: Arc<Mutex<Report>>,
}

impl StockClient {
    /// Starts a client that joins a room.
    ///
    /// # Errors
    /// Returns an error if the program cannot be started.
    pub fn start(artifacts: &Artifacts, name: &str, room: &str) -> anyhow::Result<Self> {
        let latest = Arc::new(Mutex::new(Report::default()));
        let newest = Arc::clone(&latest);
        let mut command = child::command(artifacts.stock_client());
        command.arg(room);
        let process =
            ChildGuard::start(name, &mut command, move |line| {
                match serde_json::from_str(&line) {
                    Ok(report) => {
                        *newest.lock().unwrap_or_else(PoisonError::into_inner) = report;
                        None
                    }
                    Err(error) => Some(format!("{line} ({error})")),
                }
            })?;
        Ok(Self { process, latest })
    }

    /// Returns the latest report.
    ///
    /// # Errors
    /// Returns an error if the client has ended.
    pub fn report(&mut self) -> anyhow::Result<Report> {
        self.process.check_alive()?;
        let latest = self.latest.lock().unwrap_or_else(PoisonError::into_inner);
        Ok(latest.clone())
    }

    /// Waits until the client is in the room, and returns the id under which players list it.
    ///
    /// # Errors
    /// Returns an error if that takes too long.
    pub fn wait_peer_id(&mut self) -> anyhow::Result<String> {
        let id = self.wait_id()?.parse::<Uuid>()?;
        Ok(SignalingId::from_u128(id.as_u128()).peer_id().to_string())
    }

    /// Waits until the client is in the room, and returns its signaling id.
    ///
    /// # Errors
    /// Returns an error if that takes too long.
    pub fn wait_id(&mut self) -> anyhow::Result<String> {
        let began = Instant::now();
        loop {
            if let Some(id) = self.report()?.local_id {
                return Ok(id);
            }
            if began.elapsed() > START_TIMEOUT {
                bail!("a stock client received no id:\n{}", self.log());
            }
            thread::sleep(POLL);
        }
    }

    /// Kills the client with SIGKILL, so that it cannot announce its departure.
    pub fn kill(&mut self) {
        self.process.kill();
    }

    /// Returns the last lines that the client printed.
    pub fn log(&self) -> String {
        self.process.log.text()
    }
}
