//! WebDriver, called without async: one driver, one browser.

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

use crate::child::Kept;

const START: Duration = Duration::from_secs(60);
const COMMAND: Duration = Duration::from_secs(30);

/// A program that steers browsers of one kind.
pub(crate) struct DriverProgram {
    /// How to start it; it listens where `port` says.
    pub(crate) command: Command,
    /// What it prints before the port on which it listens.
    pub(crate) says_port: &'static str,
    /// What it is asked for.
    pub(crate) capabilities: Value,
    /// The capability under which it tells the browser's process.
    pub(crate) says_process: &'static str,
}

/// A browser of its own, and the means to steer it.
pub(crate) struct Driver {
    /// In which the driver listens.
    network: Network,
    runtime: Runtime,
    client: Client,
    browser: Pid,
    // Last, so that it outlives the client.
    process: Kept,
}

impl Driver {
    pub(crate) fn start(name: &str, program: DriverProgram) -> anyhow::Result<Self> {
        let says_process = program.says_process;
        let capabilities = program.capabilities.as_object().cloned();
        let (process, port) = listen(name, program.command, program.says_port)?;
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()?;
        let address = format!("http://127.0.0.1:{port}");
        let mut builder = ClientBuilder::new(HttpConnector::new());
        let connecting = builder
            .capabilities(capabilities.unwrap_or_default())
            .connect(&address);
        let client = runtime
            .block_on(async { tokio::time::timeout(START, connecting).await })
            .map_err(anyhow::Error::from)
            .and_then(|connected| connected.map_err(anyhow::Error::from))
            .with_context(|| format!("the browser does not start:\n{}", process.log.text()))?;
        let browser = client
            .capabilities()
            .and_then(|about| about.get(says_process)?.as_i64())
            .and_then(|id| i32::try_from(id).ok())
            .with_context(|| format!("{name}'s driver does not tell the browser's process"))?;
        Ok(Self {
            network: Network::here()?,
            runtime,
            client,
            browser: Pid::from_raw(browser),
            process,
        })
    }

    /// Does something with the client, to its end.
    pub(crate) fn call<T, F>(&self, f: impl FnOnce(Client) -> F + Send) -> anyhow::Result<T>
    where
        T: Send,
        F: Future<Output = Result<T, CmdError>>,
    {
        let (client, runtime) = (self.client.clone(), &self.runtime);
        let calling = move || {
            let doing = f(client);
            runtime.block_on(async { tokio::time::timeout(COMMAND, doing).await })
        };
        self.network
            .enter(calling)?
            .context("the browser does not answer")?
            .context("the browser refused")
    }

    /// A command that is not part of the standard.
    pub(crate) fn extension(&self, path: &'static str, body: Value) -> anyhow::Result<Value> {
        self.call(|client| async move { client.issue_cmd(Extension { path, body }).await })
    }

    /// What the driver and the browser printed.
    pub(crate) fn printed(&self) -> String {
        self.process.log.text()
    }

    /// The browser's first process.
    pub(crate) fn browser(&self) -> Pid {
        self.browser
    }

    /// SIGKILL to the browser itself.
    pub(crate) fn kill_browser(&self) -> anyhow::Result<()> {
        kill(self.browser, Signal::SIGKILL).context("cannot kill the browser")
    }
}

impl Drop for Driver {
    fn drop(&mut self) {
        // The browser ends all its own processes when it is gone. It may be gone already.
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

/// Starts a driver and waits until it says where it listens.
fn listen(
    name: &str,
    mut command: Command,
    says_port: &'static str,
) -> anyhow::Result<(Kept, u16)> {
    let (tell, told) = mpsc::channel();
    let name = format!("{name}'s driver");
    let mut process = Kept::start(&name, &mut command, move |line| {
        if let Some((_, port)) = line.split_once(says_port) {
            // Nobody waits for a second one.
            let _ = tell.send(port.trim().trim_end_matches('.').parse());
        }
        Some(line)
    })?;
    match told.recv_timeout(START) {
        Ok(Ok(port)) => Ok((process, port)),
        _ => {
            process.check_alive()?;
            bail!("{name} names no port:\n{}", process.log.text());
        }
    }
}

/// A folder for one browser, removed when dropped.
pub(crate) struct Folder(PathBuf);

impl Folder {
    pub(crate) fn new() -> anyhow::Result<Self> {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let name = format!("huddle-browser-{}-{number}", std::process::id());
        let path = std::env::temp_dir().join(name);
        // Left behind by a run that was killed: process ids repeat in a fresh namespace.
        let _ = fs::remove_dir_all(&path);
        fs::create_dir_all(&path).with_context(|| format!("cannot make {}", path.display()))?;
        Ok(Self(path))
    }

    pub(crate) fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        // A browser that has just been killed may still write.
        for _ in 0..20 {
            let removed = fs::remove_dir_all(&self.0);
            if removed.is_ok() && !self.0.exists() {
                return;
            }
            thread::sleep(Duration::from_millis(50));
        }
    }
}
