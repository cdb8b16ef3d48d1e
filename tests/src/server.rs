//! The signaling server, which also serves the pages.

use std::{
    net::{IpAddr, Ipv4Addr, SocketAddr},
    sync::mpsc,
    time::{Duration, Instant},
};

use anyhow::Context;

use crate::{
    artifacts::{Artifacts, TEST_PLAYER},
    child::{self, Kept},
};

const START: Duration = Duration::from_secs(10);

/// A running server, or one that was stopped.
pub struct Server {
    artifacts: Artifacts,
    address: SocketAddr,
    process: Option<Kept>,
}

impl Server {
    /// Starts it on a free port.
    ///
    /// # Errors
    /// If it does not say that it listens.
    pub fn start(artifacts: &Artifacts) -> anyhow::Result<Self> {
        Self::start_at(artifacts, Ipv4Addr::LOCALHOST)
    }

    /// Starts it on a free port of that address, which has to be one of the network of this thread.
    ///
    /// # Errors
    /// If it does not say that it listens.
    pub fn start_at(artifacts: &Artifacts, address: Ipv4Addr) -> anyhow::Result<Self> {
        Self::start_on(artifacts, SocketAddr::new(IpAddr::V4(address), 0))
    }

    /// Starts it on that port, where the first game of the README looks for it.
    ///
    /// # Errors
    /// If it does not say that it listens.
    pub fn start_on(artifacts: &Artifacts, address: SocketAddr) -> anyhow::Result<Self> {
        let (process, address) = launch(artifacts, address)?;
        Ok(Self {
            artifacts: artifacts.clone(),
            address,
            process: Some(process),
        })
    }

    /// SIGKILL.
    pub fn kill(&mut self) {
        self.process = None;
    }

    /// Starts it again, on the same port; returns when it listens.
    ///
    /// # Errors
    /// If it does not say that it listens.
    pub fn start_again(&mut self) -> anyhow::Result<Instant> {
        self.kill();
        let (process, _) = launch(&self.artifacts, self.address)?;
        self.process = Some(process);
        Ok(Instant::now())
    }

    /// Where it listens, or listened.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The address of the page that lists the examples.
    pub fn index(&self) -> String {
        format!("http://{}/", self.address)
    }

    /// The address of an example's page.
    pub fn page(&self, example: &str, query: &str) -> String {
        format!("http://{}/{example}/?{query}", self.address)
    }

    /// The address of a page that plays `hello` and reports.
    pub fn player(&self, query: &str) -> String {
        self.page(TEST_PLAYER, query)
    }

    /// The address of a room.
    pub fn room(&self, name: &str) -> String {
        format!("ws://{}/{name}", self.address)
    }
}

fn launch(artifacts: &Artifacts, address: SocketAddr) -> anyhow::Result<(Kept, SocketAddr)> {
    let (tell, told) = mpsc::channel();
    let mut command = child::command(artifacts.program("huddle-signaling"));
    command
        .args(["--bind", &address.to_string(), "--serve"])
        .arg(&artifacts.site);
    let mut process = Kept::start("the server", &mut command, move |line| {
        if let Some(address) = line.strip_prefix("listening on http://") {
            // Nobody waits for a second one.
            let _ = tell.send(address.trim().to_owned());
        }
        Some(line)
    })?;
    let Ok(address) = told.recv_timeout(START) else {
        process.check_alive()?;
        anyhow::bail!(
            "the server does not say that it listens:\n{}",
            process.log.text()
        );
    };
    let address = address
        .parse()
        .with_context(|| format!("the server listens on {address:?}"))?;
    Ok((process, address))
}
