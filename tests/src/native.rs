//! A native player without a window.

use std::{
    process::Command,
    sync::{Arc, Mutex, PoisonError},
};

use nix::unistd::Pid;

use crate::{
    artifacts::{Artifacts, TEST_PLAYER},
    child::{self, ChildGuard},
    player::Player,
    report::Report,
    server::Server,
};

/// A running native player.
pub struct Native {
    name: String,
    process: ChildGuard,
    latest: Arc<Mutex<Option<Report>>>,
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
        })
    }
}

fn command(artifacts: &Artifacts, server: &Server, room: &str, bot: u64) -> Command {
    let mut command = child::command(artifacts.program(TEST_PLAYER));
    command.args(["--headless", "--room", &server.room(room)]);
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
