//! A player that leaves and joins again.

use anyhow::Context;
use network_lab::Host;

use crate::{
    access::Access, artifacts::Artifacts, browser::Browser, native::Native, page::Page,
    player::Player, server::Server, testbed::Platform,
};

/// A player on a host, which can leave a room and join again. A browser stays open in between.
pub struct Visitor<'a> {
    name: &'static str,
    host: &'a Host,
    access: Access,
    running: Running,
}

enum Running {
    Native(Option<Native>),
    Browser(Box<Browser>),
}

impl<'a> Visitor<'a> {
    /// Starts the browser, if the player has one.
    ///
    /// # Errors
    /// Returns an error if the browser does not start.
    pub fn new(
        platform: Platform,
        name: &'static str,
        host: &'a Host,
        access: &Access,
    ) -> anyhow::Result<Self> {
        let authority = access.authority.as_deref();
        let running = match platform {
            Platform::Native => Running::Native(None),
            Platform::Chromium => Running::Browser(Box::new(
                host.enter(|| Browser::chromium_trusting(name, Page::SMALL, authority))??,
            )),
            Platform::Firefox => Running::Browser(Box::new(
                host.enter(|| Browser::firefox_trusting(name, Page::SMALL, authority))??,
            )),
        };
        Ok(Self {
            name,
            host,
            access: access.clone(),
            running,
        })
    }

    /// Starts a bot in a room of the server, which also serves the page.
    ///
    /// # Errors
    /// Returns an error if the page does not load, or the program does not start.
    pub fn join(
        &mut self,
        artifacts: &Artifacts,
        server: &Server,
        room: &str,
    ) -> anyhow::Result<()> {
        let bot = self.name.len() as u64;
        match &mut self.running {
            Running::Native(native) => {
                let (name, access) = (self.name, &self.access);
                let start = || Native::with_access(artifacts, name, server, room, bot, access);
                *native = Some(self.host.enter(start)??);
            }
            Running::Browser(browser) => {
                let ice = self.access.query();
                let query = format!("render=off&room={room}&bot={bot}{ice}");
                browser.open(&server.player(&query))?;
            }
        }
        Ok(())
    }

    /// Ends the program, or leaves the page.
    ///
    /// # Errors
    /// Returns an error if the browser returns one.
    pub fn leave(&mut self) -> anyhow::Result<()> {
        match &mut self.running {
            Running::Native(native) => *native = None,
            Running::Browser(browser) => browser.open("about:blank")?,
        }
        Ok(())
    }

    /// Returns the player.
    ///
    /// # Errors
    /// Returns an error if it has not joined.
    pub fn player(&mut self) -> anyhow::Result<&mut dyn Player> {
        match &mut self.running {
            Running::Native(native) => {
                let native = native.as_mut();
                Ok(native.with_context(|| format!("{} is not in a room", self.name))?)
            }
            Running::Browser(browser) => Ok(&mut **browser),
        }
    }
}
