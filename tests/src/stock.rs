//! Stock matchbox programs: the published server, and a client made of the published crate.

use std::{
    net::{SocketAddr, TcpListener, TcpStream},
    sync::{Arc, Mutex, PoisonError},
    thread,
    time::{Duration, Instant},
};

use anyhow::bail;
use numbered::Report;

use crate::{
    artifacts::Artifacts,
    child::{self, Kept},
};

const START: Duration = Duration::from_secs(10);
const POLL: Duration = Duration::from_millis(30);

/// `matchbox_server`, stopped when dropped.
pub struct StockServer {
    address: SocketAddr,
    _process: Kept,
}

impl StockServer {
    /// Starts it on a free port.
    ///
    /// # Errors
    /// If it does not listen.
    pub fn start(artifacts: &Artifacts) -> anyhow::Result<Self> {
        // It does not say which port it took, so it is told one. Nobody else opens ports in here.
        let address = TcpListener::bind(("127.0.0.1", 0))?.local_addr()?;
        let mut command = child::command(artifacts.stock_server());
        command.arg(address.to_string()).env("NO_COLOR", "1");
        let mut process = Kept::start("the stock server", &mut command, Some)?;
        let began = Instant::now();
        while TcpStream::connect(address).is_err() {
            process.check_alive()?;
            if began.elapsed() > START {
                bail!("the stock server does not listen:\n{}", process.log.text());
            }
            thread::sleep(POLL);
        }
        Ok(Self {
            address,
            _process: process,
        })
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The address of a room.
    pub fn room(&self, name: &str) -> String {
        format!("ws://{}/{name}", self.address)
    }
}

/// A stock client that sends numbered messages to everybody, on all channels.
pub struct StockClient {
    process: Kept,
    latest: Arc<Mutex<Report>>,
}

impl StockClient {
    /// Lets it join a room.
    ///
    /// # Errors
    /// If the program cannot be started.
    pub fn start(artifacts: &Artifacts, name: &str, room: &str) -> anyhow::Result<Self> {
        let latest = Arc::new(Mutex::new(Report::default()));
        let into = Arc::clone(&latest);
        let mut command = child::command(artifacts.stock_client());
        command.arg(room);
        let process = Kept::start(name, &mut command, move |line| {
            match serde_json::from_str(&line) {
                Ok(report) => {
                    *into.lock().unwrap_or_else(PoisonError::into_inner) = report;
                    None
                }
                Err(error) => Some(format!("{line} ({error})")),
            }
        })?;
        Ok(Self { process, latest })
    }

    /// What it has said last.
    ///
    /// # Errors
    /// If it has crashed or ended.
    pub fn report(&mut self) -> anyhow::Result<Report> {
        self.process.check_alive()?;
        let latest = self.latest.lock().unwrap_or_else(PoisonError::into_inner);
        Ok(latest.clone())
    }

    /// Waits until it is in the room; returns its id.
    ///
    /// # Errors
    /// If that takes too long.
    pub fn wait_id(&mut self) -> anyhow::Result<String> {
        let began = Instant::now();
        loop {
            if let Some(me) = self.report()?.me {
                return Ok(me);
            }
            if began.elapsed() > START {
                bail!("a stock client gets no id:\n{}", self.log());
            }
            thread::sleep(POLL);
        }
    }

    /// SIGKILL: no goodbye.
    pub fn kill(&mut self) {
        self.process.kill();
    }

    /// What it logged.
    pub fn log(&self) -> String {
        self.process.log.text()
    }
}
