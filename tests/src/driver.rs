//! A blocking WebDriver client. Each driver controls one browser.

use std::{
    fs,
    future::Future,
    path::{Path, PathBuf},
    process::Command,
    sync::{
        atomic::{AtomicU32, Ordering},
        mpsc,
    },
    thread,
    time::Duration,
};

use anyhow::{Context, bail};
use fantoccini::{Client, ClientBuilder, error::CmdError, wd::WebDriverCompatibleCommand};
use hyper_util::client::legacy::connect::HttpConnector;
use network_lab::Network;
use nix::{
    sys::signal::{Signal, kill},
    unistd::Pid,
};
use serde_json::Value;
use tokio::runtime::Runtime;

use crate::child::ChildGuard;

/// The maximum time until a driver listens, and until its browser has started.
const START_TIMEOUT: Duration = Duration::from_secs(60);
/// The number of times that a driver is started before a test fails.
const START_ATTEMPTS: u32 = 3;
/// The maximum duration of a WebDriver command.
const COMMAND_TIMEOUT: Duration = Duration::from_secs(30);

/// A WebDriver program for one kind of browser.
pub(crate) struct DriverProgram {
    /// The command that starts the program.
    pub(crate) command: Command,
    /// The text that the program prints before the port on which it listens.
    pub(crate) port_prefix: &'static str,
    /// The capabilities to request for the browser.
    pub(crate) capabilities: Value,
    /// The name of the returned capability that contains the browser's process id.
    pub(crate) process_capability: &'static str,
}

/// A browser and the connection to its driver.
pub(crate) struct Driver {
    /// The network in which the driver listens.
    network: Network,
    runtime: Runtime,
    client: Client,
    browser: Pid,
    // The last field, so that the process outlives the client.
    process: ChildGuard,
}

impl Driver {
    pub(crate) fn start(name: &str, program: DriverProgram) -> anyhow::Result<Self> {
        let process_capability = program.process_capability;
        let capabilities = program.capabilities.as_object().cloned();
        let (process, port) = listen(name, program.command, program.port_prefix)?;
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()?;
        let address = format!("http://127.0.0.1:{port}");
        let mut builder = ClientBuilder::new(HttpConnector::new());
        let connecting = builder
            .capabilities(capabilities.unwrap_or_default())
            .connect(&address);
        let client = runtime
            .block_on(async { tokio::time::timeout(START_TIMEOUT, connecting).await })
            .map_err(anyhow::Error::from)
            .and_then(|connected| connected.map_err(anyhow::Error::from))
            .with_context(|| format!("the browser did not start:\n{}", process.log.text()))?;
        let browser = client
            .capabilities()
            .and_then(|capabilities| capabilities.get(process_capability)?.as_i64())
            .and_then(|id| i32::try_from(id).ok())
            .with_context(|| format!("{name}'s driver did not return the browser's process id"))?;
        Ok(Self {
            network: Network::here()?,
            runtime,
            client,
            browser: Pid::from_raw(browser),
            process,
        })
    }

    /// Runs an operation of the client and waits for its result.
    pub(crate) fn call<T, F>(&self, operation: impl FnOnce(Client) -> F + Send) -> anyhow::Result<T>
    where
        T: Send,
        F: Future<Output = Result<T, CmdError>>,
    {
        let (client, runtime) = (self.client.clone(), &self.runtime);
        let run = move || {
            let running = operation(client);
            runtime.block_on(async { tokio::time::timeout(COMMAND_TIMEOUT, running).await })
        };
        self.network
            .enter(run)?
            .context("the browser did not respond")?
            .context("the browser returned an error")
    }

    /// Sends a command that is not part of the WebDriver standard.
    pub(crate) fn extension(&self, path: &'static str, body: Value) -> anyhow::Result<Value> {
        self.call(|client| async move { client.issue_cmd(Extension { path, body }).await })
    }

    /// Returns the last lines that the driver and the browser printed.
    pub(crate) fn output(&self) -> String {
        self.process.log.text()
    }

    /// Returns the id of the browser's main process.
    pub(crate) fn browser(&self) -> Pid {
        self.browser
    }

    /// Kills the browser's main process with SIGKILL.
    pub(crate) fn kill_browser(&self) -> anyhow::Result<()> {
        kill(self.browser, Signal::SIGKILL).context("cannot kill the browser")
    }
}

impl Drop for Driver {
    fn drop(&mut self) {
        // When the main process ends, the browser's other processes end as well. It may already
        // have ended.
        let _ = self.kill_browser();
        self.process.kill();
    }
}

#[derive(Debug)]
struct Extension {
    path: &'static str,
    body: Value,
}

impl WebDriverCompatibleCommand for Extension {
    fn endpoint(
        &self,
        base: &url::Url,
        session: Option<&str>,
    ) -> Result<url::Url, url::ParseError> {
        base.join(&format!(
            "session/{}/{}",
            session.unwrap_or_default(),
            self.path
        ))
    }

    fn method_and_body(&self, _: &url::Url) -> (http::Method, Option<String>) {
        (http::Method::POST, Some(self.body.to_string()))
    }
}

/// Starts a driver and waits for its port.
///
/// ChromeDriver lets the system choose a free port of IPv4, and ends if the same port of IPv6 is
/// taken. Therefore a driver that ends gets further attempts.
fn listen(
    name: &str,
    mut command: Command,
    port_prefix: &'static str,
) -> anyhow::Result<(ChildGuard, u16)> {
    let name = format!("{name}'s driver");
    let mut attempts = 1;
    loop {
        match listen_once(&name, &mut command, port_prefix) {
            Err(error) if attempts < START_ATTEMPTS => {
                println!("   {error:#}; starting it again");
                attempts += 1;
            }
            result => return result,
        }
    }
}

fn listen_once(
    name: &str,
    command: &mut Command,
    port_prefix: &'static str,
) -> anyhow::Result<(ChildGuard, u16)> {
    let (sender, receiver) = mpsc::channel();
    let mut process = ChildGuard::start(name, command, move |line| {
        if let Some((_, port)) = line.split_once(port_prefix) {
            // Sending fails for any later port, because the receiver is gone.
            let _ = sender.send(port.trim().trim_end_matches('.').parse());
        }
        Some(line)
    })?;
    match receiver.recv_timeout(START_TIMEOUT) {
        Ok(Ok(port)) => Ok((process, port)),
        _ => {
            process.check_alive()?;
            bail!("{name} printed no port:\n{}", process.log.text());
        }
    }
}

/// A temporary folder for one browser. Dropping it removes the folder.
pub(crate) struct Folder(PathBuf);

impl Folder {
    pub(crate) fn new() -> anyhow::Result<Self> {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let name = format!("huddle-browser-{}-{number}", std::process::id());
        let path = std::env::temp_dir().join(name);
        // Process ids are reused in each new PID namespace, so a killed run may have left a folder
        // with this name.
        let _ = fs::remove_dir_all(&path);
        fs::create_dir_all(&path).with_context(|| format!("cannot create {}", path.display()))?;
        Ok(Self(path))
    }

    pub(crate) fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        // A browser may write for a short time after SIGKILL.
        for _ in 0..20 {
            let removed = fs::remove_dir_all(&self.0);
            if removed.is_ok() && !self.0.exists() {
                return;
            }
            thread::sleep(Duration::from_millis(50));
        }
    }
}
