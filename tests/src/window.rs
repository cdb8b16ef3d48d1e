//! A native game in a window on its own virtual screen.

use std::time::Duration;

use anyhow::Context;

use crate::{
    artifacts::Artifacts,
    child::{self, ChildGuard},
    page::Page,
    picture::Picture,
    screen::Screen,
};

/// A running program with a window.
pub struct Window {
    name: String,
    // Dropped before the screen that the process uses.
    process: ChildGuard,
    screen: Screen,
}

impl Window {
    /// Starts a program that opens a window.
    ///
    /// # Errors
    /// Returns an error if the screen or the program does not start.
    pub fn open(
        artifacts: &Artifacts,
        name: &str,
        program: &str,
        arguments: &[&str],
        size: Page,
    ) -> anyhow::Result<Self> {
        let screen = Screen::start(size)?;
        let mut command = child::command(artifacts.program(program));
        command
            .args(arguments)
            .env("DISPLAY", screen.display())
            .env_remove("WAYLAND_DISPLAY");
        let process = ChildGuard::start(name, &mut command, Some)?;
        Ok(Self {
            name: name.to_owned(),
            process,
            screen,
        })
    }

    /// Returns the player's name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Takes a screenshot.
    ///
    /// # Errors
    /// Returns an error if the program has ended.
    pub fn picture(&mut self) -> anyhow::Result<Picture> {
        Picture::from_xwd(&self.dump()?)
    }

    /// Takes a screenshot without decoding it, which is slow. [`Picture::from_xwd`] decodes it.
    ///
    /// # Errors
    /// Returns an error if the program has ended.
    pub fn dump(&mut self) -> anyhow::Result<Vec<u8>> {
        self.process.check_alive()?;
        self.screen.dump()
    }

    /// Holds a key down for a duration. The key is an X key name such as `Up`.
    ///
    /// # Errors
    /// Returns an error if no window is open.
    pub fn press(&self, key: &str, held: Duration) -> anyhow::Result<()> {
        self.screen
            .press(key, held)
            .with_context(|| format!("{} received no keys", self.name))
    }

    /// Returns the last lines that the program printed.
    pub fn log(&self) -> String {
        self.process.log.text()
    }
}
