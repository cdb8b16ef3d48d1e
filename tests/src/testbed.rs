//! Players on separate hosts of a lab.

use std::sync::Arc;

use anyhow::Context;
use network_lab::{Addresses, Host, Lab, Nat, Router};

use crate::{
    access::Access, artifacts::Artifacts, authority::Authority, browser::Browser, native::Native,
    page::Page, player::Player, server::Server, turn::Turn,
};

/// The platform of a player.
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
    /// Starts `hello` with a bot and a probe of 20 events per second, in the network of this
    /// thread.
    ///
    /// # Errors
    /// Returns an error if the player does not start.
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
pub struct Testbed {
    /// The signaling server.
    pub server: Server,
    /// The host of the signaling server.
    pub server_host: Host,
    /// The lab that connects the hosts.
    pub lab: Lab,
    artifacts: Artifacts,
}

/// A player and its host.
pub struct HostedPlayer {
    /// The player. Declared before the host, so that its process ends first.
    pub player: Box<dyn Player>,
    /// The host.
    pub host: Host,
}

/// A TURN server and its host.
pub struct HostedTurn {
    /// The server. Declared before the host, so that its process ends first.
    pub turn: Turn,
    /// The host.
    pub host: Host,
    /// The authority of the server's certificate.
    pub authority: Arc<Authority>,
}

impl HostedTurn {
    /// Returns the access of players that are given these servers, and trust the authority.
    pub fn access(&self, ice_servers: Vec<String>) -> Access {
        Access {
            ice_servers,
            signaling: None,
            authority: Some(Arc::clone(&self.authority)),
        }
    }
}

impl Testbed {
    /// Starts a signaling server on its own host.
    ///
    /// # Errors
    /// Returns an error if this machine cannot run a lab, or if the server does not start.
    pub fn new(artifacts: &Artifacts) -> anyhow::Result<Self> {
        Self::with_addresses(artifacts, Addresses::V4)
    }

    /// Starts a signaling server on its own host, in a network with addresses of this kind.
    ///
    /// # Errors
    /// Returns an error if this machine cannot run a lab, or if the server does not start.
    pub fn with_addresses(artifacts: &Artifacts, addresses: Addresses) -> anyhow::Result<Self> {
        let lab = Lab::with_addresses(1, addresses)?;
        let server_host = lab.host("server")?;
        let server = server_host.enter(|| Server::start_at(artifacts, server_host.address()))??;
        Ok(Self {
            server,
            server_host,
            lab,
            artifacts: artifacts.clone(),
        })
    }

    /// Adds a router with a network of its own.
    ///
    /// # Errors
    /// Returns an error if the router cannot be created.
    pub fn router(&self, name: &str, nat: Nat) -> anyhow::Result<Router> {
        Router::new(&self.lab, name, nat)
    }

    /// Adds a host with a STUN and TURN server.
    ///
    /// # Errors
    /// Returns an error if the server does not start.
    pub fn turn(&self) -> anyhow::Result<HostedTurn> {
        let host = self.lab.host("turn")?;
        let authority = Arc::new(Authority::new()?);
        let turn = Turn::start_on(&host, &authority)?;
        Ok(HostedTurn {
            turn,
            host,
            authority,
        })
    }

    /// Adds a host and starts a bot with a probe on it.
    ///
    /// # Errors
    /// Returns an error if the player does not start.
    pub fn add_player(
        &self,
        platform: Platform,
        name: &str,
        bot: u64,
    ) -> anyhow::Result<HostedPlayer> {
        let host = self.lab.host(name)?;
        let player = host
            .enter(|| platform.start(&self.artifacts, &self.server, name, bot))?
            .with_context(|| format!("cannot start {name}"))?;
        Ok(HostedPlayer { player, host })
    }

    /// Restarts the server at the same address. Returns the time at which it listens.
    ///
    /// # Errors
    /// Returns an error if the server does not start.
    pub fn restart_server(&mut self) -> anyhow::Result<std::time::Instant> {
        let Self {
            server,
            server_host,
            ..
        } = self;
        server_host.enter(|| server.restart())?
    }
}
