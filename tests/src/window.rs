//! A native game in a window, on a screen of its own.

use std::{process::Command, time::Duration};

use anyhow::{Context, ensure};

use crate::{
    artifacts::Artifacts,
    child::{self, Kept},
    page::Page,
    picture::Picture,
    screen::Screen,
};

/// A running program with a window.
pub struct Window {
    name: String,
    // Before the screen that it is on.
    process: Kept,
    screen: Screen,
}

impl Window {
    /// Starts a program that opens a window.
    ///
    /// # Errors
    /// If there is no screen for it, or it does not start.
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
        let process = Kept::start(name, &mut command, Some)?;
        Ok(Self {
            name: name.to_owned(),
            process,
            screen,
        })
    }

    /// The player's name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Takes a screenshot.
    ///
    /// # Errors
    /// If the program has ended.
    pub fn picture(&mut self) -> anyhow::Result<Picture> {
        Picture::from_xwd(&self.dump()?)
    }

    /// Takes a screenshot and leaves decoding it, which is slow, to [`Picture::from_xwd`].
    ///
    /// # Errors
    /// If the program has ended.
    pub fn dump(&mut self) -> anyhow::Result<Vec<u8>> {
        self.process.check_alive()?;
        self.screen.dump()
    }

    /// Holds a key for that long. The key has an X name, such as `Up`.
    ///
    /// # Errors
    /// If there is no window yet.
    pub fn press(&self, key: &str, held: Duration) -> anyhow::Result<()> {
        let mut xdotool = Command::new("xdotool");
        xdotool.env("DISPLAY", self.screen.display());
        // Without a window manager no window has the keyboard. The window notices the change a little later.
        xdotool.args(["search", "--sync", "--onlyvisible", "--name", "."]);
        xdotool.args(["windowfocus", "%1", "sleep", "0.3"]);
        xdotool.args(["keydown", key, "sleep", &held.as_secs_f32().to_string()]);
        xdotool.args(["keyup", key]);
        let output = xdotool
            .output()
            .context("keys need a program: install the package `xdotool`")?;
        ensure!(
            output.status.success(),
            "{} gets no keys: {}",
            self.name,
            String::from_utf8_lossy(&output.stderr)
        );
        Ok(())
    }

    /// The last lines that the program printed.
    pub fn log(&self) -> String {
        self.process.log.text()
    }
}
