//! WebDriver, called without async: one chromedriver, one browser, one profile.

use std::{
    fs,
    future::Future,
    path::{Path, PathBuf},
    sync::{
        atomic::{AtomicU32, Ordering},
        mpsc,
    },
    time::Duration,
};

use anyhow::{Context, bail};
use fantoccini::{Client, ClientBuilder, error::CmdError, wd::WebDriverCompatibleCommand};
use hyper_util::client::legacy::connect::HttpConnector;
use nix::{
    sys::signal::{Signal, kill},
    unistd::Pid,
};
use serde_json::{Value, json};
use tokio::runtime::Runtime;

use crate::child::{self, Kept};

const START: Duration = Duration::from_secs(60);
const COMMAND: Duration = Duration::from_secs(30);
const FLAGS: &[&str] = &[
    "--headless",
    "--no-sandbox",
    "--no-first-run",
    "--disable-dev-shm-usage",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--mute-audio",
    // Without a graphics card.
    "--use-angle=swiftshader",
    "--enable-unsafe-swiftshader",
    "--ignore-gpu-blocklist",
];

/// A browser of its own, and the means to steer it.
pub(crate) struct Driver {
    runtime: Runtime,
    client: Client,
    browser: Option<Pid>,
    profile: PathBuf,
    // Last, so that it outlives the client.
    process: Kept,
}

impl Driver {
    pub(crate) fn start(name: &str, width: u32, height: u32) -> anyhow::Result<Self> {
        let (process, port) = start_chromedriver(name)?;
        let profile = new_profile();
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()?;
        let mut flags: Vec<String> = FLAGS.iter().map(|flag| (*flag).to_owned()).collect();
        flags.push(format!("--user-data-dir={}", profile.display()));
        flags.push(format!("--window-size={width},{height}"));
        let wanted = json!({
            "browserName": "chrome",
            "pageLoadStrategy": "eager",
            "goog:loggingPrefs": { "browser": "ALL" },
            "goog:chromeOptions": {
                "binary": chromium()?,
                "args": flags,
                // The usual first page waits for the internet, which is not there.
                "prefs": { "session": { "restore_on_startup": 4, "startup_urls": ["about:blank"] } },
            },
        });
        let wanted = wanted.as_object().cloned().unwrap_or_default();
        let address = format!("http://127.0.0.1:{port}");
        let mut builder = ClientBuilder::new(HttpConnector::new());
        let connecting = builder.capabilities(wanted).connect(&address);
        let client = runtime
            .block_on(async { tokio::time::timeout(START, connecting).await })
            .context("the browser does not start")?
            .with_context(|| format!("the browser does not start:\n{}", process.log.text()))?;
        let browser = client
            .capabilities()
            .and_then(|about| about.get("goog:processID")?.as_i64())
            .and_then(|id| i32::try_from(id).ok())
            .map(Pid::from_raw);
        Ok(Self {
            runtime,
            client,
            browser,
            profile,
            process,
        })
    }

    /// Does something with the client, to its end.
    pub(crate) fn call<T, F>(&self, f: impl FnOnce(Client) -> F) -> anyhow::Result<T>
    where
        F: Future<Output = Result<T, CmdError>>,
    {
        let doing = f(self.client.clone());
        self.runtime
            .block_on(async { tokio::time::timeout(COMMAND, doing).await })
            .context("the browser does not answer")?
            .context("the browser refused")
    }

    /// A command of chromedriver's own.
    pub(crate) fn extension(&self, path: &'static str, body: Value) -> anyhow::Result<Value> {
        self.call(|client| async move { client.issue_cmd(Extension { path, body }).await })
    }

    /// SIGKILL to the browser itself.
    pub(crate) fn kill_browser(&self) -> anyhow::Result<()> {
        let Some(browser) = self.browser else {
            bail!("chromedriver did not tell the browser's process id");
        };
        kill(browser, Signal::SIGKILL).context("cannot kill the browser")
    }
}

impl Drop for Driver {
    fn drop(&mut self) {
        // The browser ends all its own processes when it is gone. It may be gone already.
        let _ = self.kill_browser();
        self.process.kill();
        let _ = fs::remove_dir_all(&self.profile);
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

fn start_chromedriver(name: &str) -> anyhow::Result<(Kept, u16)> {
    let (tell, told) = mpsc::channel();
    let mut command = child::command("chromedriver");
    command.arg("--port=0");
    let mut process = Kept::start(
        &format!("{name}'s chromedriver"),
        &mut command,
        move |line| {
            if let Some((_, port)) = line.split_once("started successfully on port ") {
                // Nobody waits for a second one.
                let _ = tell.send(port.trim().trim_end_matches('.').parse());
            }
            Some(line)
        },
    )?;
    match told.recv_timeout(START) {
        Ok(Ok(port)) => Ok((process, port)),
        _ => {
            process.check_alive()?;
            bail!("chromedriver names no port:\n{}", process.log.text());
        }
    }
}

fn chromium() -> anyhow::Result<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    ["chromium", "chromium-browser", "google-chrome"]
        .iter()
        .flat_map(|name| std::env::split_paths(&path).map(move |folder| folder.join(name)))
        .find(|program| program.is_file())
        .context("there is no chromium: install it, and chromium-driver")
}

fn new_profile() -> PathBuf {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    let number = NEXT.fetch_add(1, Ordering::Relaxed);
    let name = format!("huddle-browser-{}-{number}", std::process::id());
    let path = Path::new(&std::env::temp_dir()).join(name);
    // Left behind by a run that was killed: process ids repeat in a fresh namespace.
    let _ = fs::remove_dir_all(&path);
    path
}
