//! Child processes that end with their guard, and the last lines of their output.

use std::{
    collections::VecDeque,
    ffi::OsStr,
    io::{BufRead, BufReader, Read},
    path::PathBuf,
    process::{Child, Command, Stdio},
    sync::{Arc, Mutex, PoisonError},
    thread,
};

use anyhow::{Context, bail};
use nix::unistd::Pid;

const KEPT_LINES: usize = 60;

/// The last lines that a process printed.
#[derive(Clone, Default)]
pub(crate) struct Log(Arc<Mutex<VecDeque<String>>>);

impl Log {
    fn push(&self, line: String) {
        let mut lines = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if lines.len() == KEPT_LINES {
            lines.pop_front();
        }
        lines.push_back(line);
    }

    pub(crate) fn text(&self) -> String {
        let lines = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        lines.iter().map(|line| format!("      {line}\n")).collect()
    }
}

/// A child process. Dropping the guard kills it.
pub(crate) struct ChildGuard {
    name: String,
    child: Child,
    pub(crate) log: Log,
}

impl ChildGuard {
    /// Starts a program. `on_line` receives each line of stdout, and returns it if it belongs in
    /// the log.
    pub(crate) fn start(
        name: &str,
        command: &mut Command,
        mut on_line: impl FnMut(String) -> Option<String> + Send + 'static,
    ) -> anyhow::Result<Self> {
        let mut child = command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .with_context(|| format!("cannot start {:?}", command.get_program()))?;
        let log = Log::default();
        if let Some(stdout) = child.stdout.take() {
            let log = log.clone();
            read_lines(stdout, move |line| {
                if let Some(line) = on_line(line) {
                    log.push(line);
                }
            });
        }
        if let Some(stderr) = child.stderr.take() {
            let log = log.clone();
            read_lines(stderr, move |line| log.push(line));
        }
        Ok(Self {
            name: name.into(),
            child,
            log,
        })
    }

    pub(crate) fn process(&self) -> Pid {
        Pid::from_raw(self.child.id().cast_signed())
    }

    /// Returns an error if the process has ended.
    pub(crate) fn check_alive(&mut self) -> anyhow::Result<()> {
        if let Some(status) = self.child.try_wait()? {
            bail!("{} has ended ({status}):\n{}", self.name, self.log.text());
        }
        Ok(())
    }

    /// Kills the process with SIGKILL and waits for its end.
    pub(crate) fn kill(&mut self) {
        // An error means that the process has already ended.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Drop for ChildGuard {
    fn drop(&mut self) {
        self.kill();
    }
}

fn read_lines(
    source: impl Read + Send + 'static,
    mut on_line: impl FnMut(String) + Send + 'static,
) {
    thread::spawn(move || {
        for line in BufReader::new(source).split(b'\n') {
            let Ok(line) = line else { return };
            on_line(String::from_utf8_lossy(&line).into_owned());
        }
    });
}

/// Creates a command without the environment variables of the test harness.
pub(crate) fn command(program: impl AsRef<OsStr>) -> Command {
    let mut command = Command::new(program);
    for (name, _) in std::env::vars_os() {
        let harness = name.to_str().is_some_and(|name| {
            name.starts_with("CARGO_") || name.starts_with("HUDDLE_") || name == "LD_LIBRARY_PATH"
        });
        if harness {
            command.env_remove(name);
        }
    }
    command
}

/// Finds the first of these programs in `PATH` or the `sbin` folders.
pub(crate) fn find(names: &[&str]) -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let mut folders: Vec<PathBuf> = std::env::split_paths(&path).collect();
    folders.extend(["/usr/sbin", "/sbin"].map(PathBuf::from));
    names
        .iter()
        .flat_map(|name| folders.iter().map(move |folder| folder.join(name)))
        .find(|program| program.is_file())
}
