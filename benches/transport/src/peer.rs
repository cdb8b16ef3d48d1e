//! The processes of one run.

use std::{
    io::{BufRead, BufReader, Write},
    net::SocketAddr,
    path::Path,
    process::{Child, ChildStdin, Command, Stdio},
    sync::mpsc::{self, Receiver, RecvTimeoutError},
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context, bail};
use transport_peer::{GO, Options, Report};

use crate::network::Hosts;

/// How long a process may take to end after its stdin is closed.
const END: Duration = Duration::from_secs(1);
const POLL: Duration = Duration::from_millis(5);

/// A process that ends with this guard.
struct Process {
    child: Child,
    stdin: Option<ChildStdin>,
    lines: Receiver<String>,
}

impl Process {
    fn start(command: &mut Command) -> anyhow::Result<Self> {
        let mut child = command
            .env("RUST_BACKTRACE", "0")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .with_context(|| format!("cannot start {:?}", command.get_program()))?;
        let stdout = child.stdout.take().context("the process has no stdout")?;
        let (sender, lines) = mpsc::channel();
        thread::spawn(move || {
            for line in BufReader::new(stdout).lines().map_while(Result::ok) {
                // The process may print after the run has ended.
                let _ = sender.send(line);
            }
        });
        Ok(Self {
            stdin: child.stdin.take(),
            child,
            lines,
        })
    }

    /// Returns the next line, or an error if there is none until `deadline`.
    fn line(&mut self, deadline: Instant) -> anyhow::Result<String> {
        let left = deadline.saturating_duration_since(Instant::now());
        match self.lines.recv_timeout(left) {
            Ok(line) => Ok(line),
            Err(RecvTimeoutError::Timeout) => bail!("a process does not report in time"),
            Err(RecvTimeoutError::Disconnected) => bail!("a process has ended early"),
        }
    }

    fn end(&mut self, limit: Duration) {
        self.stdin = None;
        let deadline = Instant::now() + limit;
        while Instant::now() < deadline {
            if !matches!(self.child.try_wait(), Ok(None)) {
                return;
            }
            thread::sleep(POLL);
        }
        // An error means that the process has already ended.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.end(Duration::ZERO);
    }
}

/// A running signaling server.
pub(crate) struct Server {
    address: SocketAddr,
    _process: Process,
}

impl Server {
    pub(crate) fn start(program: &Path, hosts: &Hosts) -> anyhow::Result<Self> {
        let bind = SocketAddr::new(hosts.server_address(), 0);
        let mut command = Command::new(program);
        command.args(["--log", "error", "--bind", &bind.to_string()]);
        let mut process = hosts.on_server(|| Process::start(&mut command))?;
        let line = process.line(Instant::now() + Duration::from_secs(10))?;
        let address = line
            .strip_prefix("listening on http://")
            .and_then(|address| address.trim().parse().ok())
            .with_context(|| format!("the server printed no address, but {line:?}"))?;
        Ok(Self {
            address,
            _process: process,
        })
    }

    pub(crate) fn room(&self, name: &str) -> String {
        format!("ws://{}/{name}", self.address)
    }
}

/// A running peer.
pub(crate) struct Peer(Process);

impl Peer {
    /// Starts a peer on its host.
    pub(crate) fn start(
        program: &Path,
        hosts: &Hosts,
        number: usize,
        options: &Options,
    ) -> anyhow::Result<Self> {
        let mut command = Command::new(program);
        options.add_to(&mut command);
        hosts
            .on_peer(number, || Process::start(&mut command))
            .map(Self)
    }

    /// Returns the next report, or an error if there is none within `limit`.
    pub(crate) fn report(&mut self, limit: Duration) -> anyhow::Result<Report> {
        let line = self.0.line(Instant::now() + limit)?;
        serde_json::from_str(&line).with_context(|| format!("a peer printed {line:?}"))
    }

    /// Starts the measurement.
    pub(crate) fn go(&mut self) -> anyhow::Result<()> {
        let stdin = self.0.stdin.as_mut().context("the peer has ended")?;
        writeln!(stdin, "{GO}")?;
        Ok(stdin.flush()?)
    }

    /// Ends the peer, so that it can leave the room.
    pub(crate) fn end(mut self) {
        self.0.end(END);
    }
}
