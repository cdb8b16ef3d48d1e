//! Players on hosts of a lab, each with a cable of its own.

use anyhow::Context;
use network_lab::{Host, Lab};

use crate::{
    artifacts::Artifacts, browser::Browser, native::Native, page::Page, player::Player,
    server::Server,
};

/// What a player runs on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Platform {
    /// A process without a window.
    Native,
    /// A page in Chromium.
    Chromium,
    /// A page in Firefox.
    Firefox,
}

impl Platform {
    /// Lets a bot play `hello` with a probe of 20 events per second, in the network of this thread.
    ///
    /// # Errors
    /// If it does not start.
    pub fn start(
        self,
        artifacts: &Artifacts,
        server: &Server,
        name: &str,
        bot: u64,
    ) -> anyhow::Result<Box<dyn Player>> {
        let browser = match self {
            Self::Native => {
                let probe = [("probe", "20")];
                let native = Native::measuring(artifacts, name, server, "hello", bot, &probe)?;
                return Ok(Box::new(native));
            }
            Self::Chromium => Browser::chromium(name, Page::SMALL)?,
            Self::Firefox => Browser::firefox(name, Page::SMALL)?,
        };
        browser.open(&server.player(&format!("render=off&bot={bot}&probe=20")))?;
        Ok(Box::new(browser))
    }
}

/// A lab with a signaling server.
pub struct Stage {
    /// The server.
    pub server: Server,
    /// The host on which it runs.
    pub server_host: Host,
    /// The switch.
    pub lab: Lab,
    artifacts: Artifacts,
}

/// A player, and the host on which it plays.
pub struct Seat {
    /// The player; the process ends before its host.
    pub player: Box<dyn Player>,
    /// The host.
    pub host: Host,
}

impl Stage {
    /// A server on a host of its own.
    ///
    /// # Errors
    /// If this machine has no network for it, or the server does not start.
    pub fn new(artifacts: &Artifacts) -> anyhow::Result<Self> {
        let lab = Lab::new(1)?;
        let server_host = lab.host("server")?;
        let server = server_host.enter(|| Server::start_at(artifacts, server_host.address()))??;
        Ok(Self {
            server,
            server_host,
            lab,
            artifacts: artifacts.clone(),
        })
    }

    /// Adds a host and lets a bot play there, with a probe.
    ///
    /// # Errors
    /// If it does not start.
    pub fn seat(&self, platform: Platform, name: &str, bot: u64) -> anyhow::Result<Seat> {
        let host = self.lab.host(name)?;
        let player = host
            .enter(|| platform.start(&self.artifacts, &self.server, name, bot))?
            .with_context(|| format!("{name} cannot play"))?;
        Ok(Seat { player, host })
    }

    /// Starts the server again, at the same address; returns when it listens.
    ///
    /// # Errors
    /// If it does not start.
    pub fn restart_server(&mut self) -> anyhow::Result<std::time::Instant> {
        let Self {
            server,
            server_host,
            ..
        } = self;
        server_host.enter(|| server.start_again())?
    }
}
