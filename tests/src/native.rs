//! A native player.

use std::{
    process::Command,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use anyhow::Context;

use nix::unistd::Pid;

use crate::{
    access::Access,
    artifacts::{Artifacts, TEST_PLAYER},
    child::{self, ChildGuard},
    page::Page,
    picture::Picture,
    player::Player,
    report::Report,
    screen::Screen,
    server::Server,
};

/// The variable with the file of the certificate authorities that a program trusts.
const AUTHORITIES: &str = "SSL_CERT_FILE";

/// A running native player.
pub struct Native {
    name: String,
    // Dropped before the screen that the process uses.
    process: ChildGuard,
    latest: Arc<Mutex<Option<Report>>>,
    screen: Option<Screen>,
}

impl Native {
    /// Starts `hello` with a bot in a room.
    ///
    /// # Errors
    /// Returns an error if the program cannot be started.
    pub fn start(
        artifacts: &Artifacts,
        name: &str,
        server: &Server,
        room: &str,
        bot: u64,
    ) -> anyhow::Result<Self> {
        Self::start_with(artifacts, name, server, room, bot, &[])
    }

    /// Starts `hello` with a bot and more arguments.
    ///
    /// # Errors
    /// Returns an error if the program cannot be started.
    pub fn start_with(
        artifacts: &Artifacts,
        name: &str,
        server: &Server,
        room: &str,
        bot: u64,
        arguments: &[&str],
    ) -> anyhow::Result<Self> {
        let mut command = command(artifacts, server, room, bot);
        Self::run(name, command.args(arguments))
    }

    /// Starts a bot that is given servers.
    ///
    /// # Errors
    /// Returns an error if the program cannot be started.
    pub fn with_access(
        artifacts: &Artifacts,
        name: &str,
        server: &Server,
        room: &str,
        bot: u64,
        access: &Access,
    ) -> anyhow::Result<Self> {
        let mut command = command_in(artifacts, &access.room(server, room), bot);
        if let Some(authority) = &access.authority {
            command.env(AUTHORITIES, authority.file());
        }
        Self::run(name, command.args(access.arguments()))
    }

    /// Starts a bot that also measures. The settings are `probe`, `transfer` and `match`, as in the query
    /// of a page.
    ///
    /// # Errors
    /// Returns an error if the program cannot be started.
    pub fn measuring(
        artifacts: &Artifacts,
        name: &str,
        server: &Server,
        room: &str,
        bot: u64,
        settings: &[(&str, &str)],
    ) -> anyhow::Result<Self> {
        Self::playing(artifacts, name, server, room, bot, settings, &[])
    }

    /// Starts a bot with settings and more arguments. The setting `game` is the name of an example.
    ///
    /// # Errors
    /// Returns an error if the program cannot be started.
    pub fn playing(
        artifacts: &Artifacts,
        name: &str,
        server: &Server,
        room: &str,
        bot: u64,
        settings: &[(&str, &str)],
        arguments: &[&str],
    ) -> anyhow::Result<Self> {
        let mut command = command(artifacts, server, room, bot);
        for (setting, value) in settings {
            command.env(format!("HUDDLE_TEST_{}", setting.to_uppercase()), value);
        }
        Self::run(name, command.args(arguments))
    }

    /// Starts a small example in a window on its own screen.
    ///
    /// # Errors
    /// Returns an error if the screen or the program does not start.
    pub fn in_window(
        artifacts: &Artifacts,
        name: &str,
        server: &Server,
        example: &str,
        size: Page,
    ) -> anyhow::Result<Self> {
        let screen = Screen::start(size)?;
        let mut command = child::command(artifacts.program(TEST_PLAYER));
        command
            .env("HUDDLE_TEST_GAME", example)
            .env("HUDDLE_ROOM", server.room(example))
            .env("DISPLAY", screen.display())
            .env_remove("WAYLAND_DISPLAY");
        let player = Self::run(name, &mut command)?;
        Ok(Self {
            screen: Some(screen),
            ..player
        })
    }

    /// Presses a key in the window. The key is an X key name such as `Up`.
    ///
    /// # Errors
    /// Returns an error if there is no window.
    pub fn press(&self, key: &str, held: Duration) -> anyhow::Result<()> {
        self.screen()?.press(key, held)
    }

    /// Takes a screenshot.
    ///
    /// # Errors
    /// Returns an error if there is no window.
    pub fn picture(&self) -> anyhow::Result<Picture> {
        Picture::from_xwd(&self.screen()?.dump()?)
    }

    fn screen(&self) -> anyhow::Result<&Screen> {
        self.screen
            .as_ref()
            .with_context(|| format!("{} has no window", self.name))
    }

    fn run(name: &str, command: &mut Command) -> anyhow::Result<Self> {
        let latest = Arc::new(Mutex::new(None));
        let newest = Arc::clone(&latest);
        let process = ChildGuard::start(name, command, move |line| {
            match serde_json::from_str(&line) {
                Ok(report) => {
                    *newest.lock().unwrap_or_else(PoisonError::into_inner) = Some(report);
                    None
                }
                Err(error) if line.starts_with('{') => Some(format!("{line} ({error})")),
                Err(_) => Some(line),
            }
        })?;
        Ok(Self {
            name: name.into(),
            process,
            latest,
            screen: None,
        })
    }
}

fn command(artifacts: &Artifacts, server: &Server, room: &str, bot: u64) -> Command {
    command_in(artifacts, &server.room(room), bot)
}

fn command_in(artifacts: &Artifacts, room: &str, bot: u64) -> Command {
    let mut command = child::command(artifacts.program(TEST_PLAYER));
    command.args(["--headless", "--room", room]);
    command.args(["--bot", &bot.to_string()]);
    command
}

impl Player for Native {
    fn name(&self) -> &str {
        &self.name
    }

    fn report(&mut self) -> anyhow::Result<Option<Report>> {
        self.process.check_alive()?;
        Ok(self
            .latest
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone())
    }

    fn process(&self) -> Pid {
        self.process.process()
    }

    fn kill(&mut self) -> anyhow::Result<()> {
        self.process.kill();
        Ok(())
    }

    fn log(&self) -> String {
        self.process.log.text()
    }
}
