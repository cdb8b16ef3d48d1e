//! A hostile member of a room that opens links and sends arbitrary messages on them.

use std::{
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context, bail};
use serde_json::{Value, json};

use crate::{browser::Browser, page::Page, player::POLL};

const SCRIPT: &str = include_str!("linked.js");
const OPEN_TIMEOUT: Duration = Duration::from_secs(20);

/// A page in Chromium that opens WebRTC links without `huddle_mesh`.
pub struct LinkedMember {
    browser: Browser,
    page: String,
    id: String,
}

impl LinkedMember {
    /// Starts the browser. `page` is any page from which the room can be reached.
    ///
    /// # Errors
    /// Returns an error if the browser does not start.
    pub fn start(page: &str) -> anyhow::Result<Self> {
        Ok(Self {
            browser: Browser::chromium("the hostile page", Page::SMALL)?,
            page: page.to_owned(),
            id: String::new(),
        })
    }

    /// Leaves the previous room, joins a room, and accepts the links that its members offer. The
    /// page appears as a player if `tagged`, and otherwise as a stock client.
    ///
    /// # Errors
    /// Returns an error if fewer than `links` links open in time.
    pub fn join(&mut self, room: &str, tagged: bool, links: u64) -> anyhow::Result<()> {
        self.browser.open(&self.page)?;
        self.browser
            .run_with(SCRIPT, vec![json!(room), json!(tagged)])?;
        let began = Instant::now();
        loop {
            let open = self.browser.run("return attacker.open()")?;
            if open.as_u64() >= Some(links) {
                break;
            }
            if began.elapsed() > OPEN_TIMEOUT {
                let state = self.browser.run("return JSON.stringify(attacker)")?;
                bail!("the hostile page has {open} links, not {links}: {state}");
            }
            thread::sleep(POLL);
        }
        let id = self.browser.run("return attacker.id")?;
        self.id = id
            .as_str()
            .context("the hostile page has no id")?
            .to_owned();
        Ok(())
    }

    /// Leaves the room as closing the page would.
    ///
    /// # Errors
    /// Returns an error if the browser returns one.
    pub fn leave(self) -> anyhow::Result<()> {
        self.browser.open("about:blank")
    }

    /// Returns the signaling id of the page.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// Runs an attack `times` times on each channel of each link. Returns the number of times that
    /// it ran.
    ///
    /// # Errors
    /// Returns an error if the browser returns one.
    pub fn attack(&self, name: &str, times: u32) -> anyhow::Result<u64> {
        let sent = self.browser.run_with(
            "return attacker.attack(...arguments)",
            vec![json!(name), json!(times)],
        )?;
        Ok(sent.as_u64().unwrap_or(0))
    }

    /// Returns the errors in the page.
    ///
    /// # Errors
    /// Returns an error if the browser returns one.
    pub fn log(&self) -> anyhow::Result<Value> {
        self.browser.run("return attacker.log.slice(0, 20)")
    }
}
