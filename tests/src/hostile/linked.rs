//! A member of a room who is linked with the others and says whatever it likes on the links.

use std::{
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context, bail};
use serde_json::{Value, json};

use crate::{browser::Browser, page::Page, player::POLL};

const SCRIPT: &str = include_str!("linked.js");
const OPEN: Duration = Duration::from_secs(20);

/// A page in Chromium that makes WebRTC links by hand.
pub struct LinkedMember {
    browser: Browser,
    page: String,
    id: String,
}

impl LinkedMember {
    /// Opens any page from which a room can be reached.
    ///
    /// # Errors
    /// If the browser does not start.
    pub fn start(page: &str) -> anyhow::Result<Self> {
        Ok(Self {
            browser: Browser::chromium("the hostile page", Page::SMALL)?,
            page: page.to_owned(),
            id: String::new(),
        })
    }

    /// Leaves where it was, joins a room, and lets the members who are there make links: as a stock
    /// client does, or, if `tagged`, as somebody who says that they are a player.
    ///
    /// # Errors
    /// If it does not get so many links.
    pub fn join(&mut self, room: &str, tagged: bool, links: u64) -> anyhow::Result<()> {
        self.browser.open(&self.page)?;
        self.browser
            .run_with(SCRIPT, vec![json!(room), json!(tagged)])?;
        let began = Instant::now();
        loop {
            let open = self.browser.run("return evil.open()")?;
            if open.as_u64() >= Some(links) {
                break;
            }
            if began.elapsed() > OPEN {
                let about = self.browser.run("return JSON.stringify(evil)")?;
                bail!("the hostile page has {open} links, not {links}: {about}");
            }
            thread::sleep(POLL);
        }
        let id = self.browser.run("return evil.id")?;
        self.id = id
            .as_str()
            .context("the hostile page has no id")?
            .to_owned();
        Ok(())
    }

    /// Leaves the room, as a page does that is closed.
    ///
    /// # Errors
    /// If the browser refuses.
    pub fn leave(self) -> anyhow::Result<()> {
        self.browser.open("about:blank")
    }

    /// The signaling id under which others name it.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// Sends so much of something on each channel of each link; returns how much was sent.
    ///
    /// # Errors
    /// If the browser refuses.
    pub fn play(&self, trick: &str, times: u32) -> anyhow::Result<u64> {
        let sent = self.browser.run_with(
            "return evil.play(...arguments)",
            vec![json!(trick), json!(times)],
        )?;
        Ok(sent.as_u64().unwrap_or(0))
    }

    /// What went wrong on its side.
    ///
    /// # Errors
    /// If the browser refuses.
    pub fn log(&self) -> anyhow::Result<Value> {
        self.browser.run("return evil.log.slice(0, 20)")
    }
}
