//! A browser with one page.

use std::{
    cell::RefCell,
    fs,
    path::Path,
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context, bail};
use fantoccini::{
    actions::{InputSource, KeyAction, KeyActions, MOUSE_BUTTON_LEFT, MouseActions, PointerAction},
    wd::WindowHandle,
};
use nix::unistd::Pid;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::{
    authority::Authority,
    chromium,
    driver::{Driver, Folder},
    firefox,
    page::Page,
    player::Player,
    report::Report,
    screen::Screen,
};

/// Reads the report of the game. A tab in front of the game is opened by the game's page, so the
/// game is its `opener`.
const READ: &str = "
    const page = globalThis.opener ?? globalThis;
    const panel = page.document.getElementById('failed');
    if (panel && !panel.hidden) return { failure: panel.innerText };
    const report = page.huddle;
    return { report: typeof report === 'string' ? JSON.parse(report) : report ?? null };
";
/// Focuses the game's canvas. A game without a canvas in its page adds one to the body.
const FOCUS: &str =
    "(document.querySelector('body > canvas') ?? document.querySelector('canvas'))?.focus()";
/// Returns whether the page has hidden its loading screen.
const SHOWN: &str =
    "return document.getElementById('loading')?.classList.contains('gone') ?? false";
const POLL: Duration = Duration::from_millis(30);
/// The duration of the page's longest fade.
const FADE: Duration = Duration::from_millis(600);

/// A browser with one page.
pub struct Browser {
    name: String,
    // Dropped before the screen and the folder that the browser uses.
    driver: Driver,
    kind: Kind,
    /// The game's tab, while another tab is in front of it.
    covered: RefCell<Option<WindowHandle>>,
    _folder: Folder,
}

enum Kind {
    Chromium,
    Firefox { _screen: Screen },
}

#[derive(Deserialize)]
struct Read {
    failure: Option<String>,
    report: Option<Report>,
}

#[derive(Deserialize)]
struct Logged {
    level: String,
    message: String,
}

impl Browser {
    /// Starts Chromium.
    ///
    /// # Errors
    /// Returns an error if it does not start.
    pub fn chromium(name: &str, page: Page) -> anyhow::Result<Self> {
        Self::chromium_trusting(name, page, None)
    }

    /// Starts Chromium, which trusts the servers of an authority.
    ///
    /// # Errors
    /// Returns an error if it does not start.
    pub fn chromium_trusting(
        name: &str,
        page: Page,
        authority: Option<&Authority>,
    ) -> anyhow::Result<Self> {
        let folder = Folder::new()?;
        let driver = chromium::start(name, page, &folder, authority)
            .with_context(|| format!("cannot start Chromium for {name}"))?;
        Ok(Self {
            name: name.into(),
            driver,
            kind: Kind::Chromium,
            covered: RefCell::default(),
            _folder: folder,
        })
    }

    /// Starts Firefox.
    ///
    /// # Errors
    /// Returns an error if it does not start.
    pub fn firefox(name: &str, page: Page) -> anyhow::Result<Self> {
        Self::firefox_trusting(name, page, None)
    }

    /// Starts Firefox, which trusts the servers of an authority.
    ///
    /// # Errors
    /// Returns an error if it does not start.
    pub fn firefox_trusting(
        name: &str,
        page: Page,
        authority: Option<&Authority>,
    ) -> anyhow::Result<Self> {
        let folder = Folder::new()?;
        let screen = Screen::start(page)?;
        let driver = firefox::start(name, page, &folder, &screen, authority)
            .with_context(|| format!("cannot start Firefox for {name}"))?;
        Ok(Self {
            name: name.into(),
            driver,
            kind: Kind::Firefox { _screen: screen },
            covered: RefCell::default(),
            _folder: folder,
        })
    }

    /// Opens a URL.
    ///
    /// # Errors
    /// Returns an error if the page cannot be loaded.
    pub fn open(&self, url: &str) -> anyhow::Result<()> {
        self.driver
            .call(|client| async move { client.goto(url).await })
            .with_context(|| format!("{} cannot open {url}", self.name))
    }

    /// Runs a script in every page before the page's own scripts. Chromium only.
    ///
    /// # Errors
    /// Returns an error if the browser returns one.
    pub fn run_before_pages(&self, script: &str) -> anyhow::Result<()> {
        let command = "Page.addScriptToEvaluateOnNewDocument";
        self.devtools(command, json!({ "source": script }))
            .map(drop)
    }

    /// Blocks requests whose URLs match the pattern. Chromium only.
    ///
    /// # Errors
    /// Returns an error if the browser returns one.
    pub fn block(&self, pattern: &str) -> anyhow::Result<()> {
        self.devtools("Network.enable", json!({}))?;
        self.devtools("Network.setBlockedURLs", json!({ "urls": [pattern] }))
            .map(drop)
    }

    /// Limits the download rate. Chromium only.
    ///
    /// # Errors
    /// Returns an error if the browser returns one.
    pub fn throttle(&self, bytes_per_second: u32) -> anyhow::Result<()> {
        self.devtools("Network.enable", json!({}))?;
        let conditions = json!({
            "offline": false,
            "latency": 0,
            "downloadThroughput": bytes_per_second,
            "uploadThroughput": -1,
        });
        self.devtools("Network.emulateNetworkConditions", conditions)
            .map(drop)
    }

    /// Returns the size of the script heap in bytes after a garbage collection. Chromium only.
    ///
    /// # Errors
    /// Returns an error if the browser returns one.
    pub fn heap(&self) -> anyhow::Result<u64> {
        self.devtools("HeapProfiler.collectGarbage", json!({}))?;
        let usage = self.devtools("Runtime.getHeapUsage", json!({}))?;
        // An integer, encoded as a floating point number.
        let used = usage.get("usedSize").and_then(Value::as_f64);
        Ok(used.with_context(|| format!("no heap size in {usage}"))? as u64)
    }

    /// Runs a script in the page and returns its result.
    ///
    /// # Errors
    /// Returns an error if the script throws an exception.
    pub fn run(&self, script: &str) -> anyhow::Result<Value> {
        self.run_with(script, vec![])
    }

    /// Runs a script with arguments in the page and returns its result.
    ///
    /// # Errors
    /// Returns an error if the script throws an exception.
    pub fn run_with(&self, script: &str, arguments: Vec<Value>) -> anyhow::Result<Value> {
        self.driver
            .call(|client| async move { client.execute(script, arguments).await })
    }

    /// Waits until the page shows a failure, and returns its text.
    ///
    /// # Errors
    /// Returns an error if the page shows none in time.
    pub fn wait_failure(&self, timeout: Duration) -> anyhow::Result<String> {
        let start = Instant::now();
        loop {
            let read: Read = serde_json::from_value(self.run(READ)?)?;
            if let Some(failure) = read.failure {
                return Ok(failure);
            }
            if start.elapsed() > timeout {
                bail!("{} shows no failure\n{}", self.name, self.log());
            }
            thread::sleep(POLL);
        }
    }

    /// Waits until the game is visible.
    ///
    /// # Errors
    /// Returns an error if it is not visible in time, or if the page shows a failure.
    pub fn wait_shown(&mut self, timeout: Duration) -> anyhow::Result<()> {
        let start = Instant::now();
        loop {
            if self.run(SHOWN)? == json!(true) {
                break;
            }
            self.report()?;
            if start.elapsed() > timeout {
                bail!(
                    "{}: the loading screen is still visible\n{}",
                    self.name,
                    self.log()
                );
            }
            thread::sleep(POLL);
        }
        thread::sleep(FADE);
        Ok(())
    }

    /// Holds a key down for a duration. The key is a character or one of WebDriver's code points
    /// (`fantoccini::key::Key`).
    ///
    /// # Errors
    /// Returns an error if the browser returns one.
    pub fn press(&self, key: char, held: Duration) -> anyhow::Result<()> {
        self.driver.call(|client| async move {
            client.execute(FOCUS, vec![]).await?;
            let keys = KeyActions::new("keyboard".into())
                .then(KeyAction::Down { value: key })
                .then(KeyAction::Pause { duration: held })
                .then(KeyAction::Up { value: key });
            client.perform_actions(keys).await
        })
    }

    /// Clicks a point of the page.
    ///
    /// # Errors
    /// Returns an error if the browser returns one.
    pub fn click(&self, x: f64, y: f64) -> anyhow::Result<()> {
        self.driver.call(|client| async move {
            let button = MOUSE_BUTTON_LEFT;
            let mouse = MouseActions::new("mouse".into())
                .then(PointerAction::MoveTo {
                    duration: None,
                    x,
                    y,
                })
                .then(PointerAction::Down { button })
                .then(PointerAction::Pause {
                    duration: Duration::from_millis(80),
                })
                .then(PointerAction::Up { button });
            client.perform_actions(mouse).await
        })
    }

    /// Saves a screenshot as PNG, and returns it.
    ///
    /// # Errors
    /// Returns an error if the browser returns one, or if the file cannot be written.
    pub fn screenshot(&self, file: &Path) -> anyhow::Result<Vec<u8>> {
        let png = self
            .driver
            .call(|client| async move { client.screenshot().await })?;
        fs::write(file, &png).with_context(|| format!("cannot write {}", file.display()))?;
        Ok(png)
    }

    /// Hides the page by minimizing the window. Firefox runs without a window manager, so there it
    /// opens another tab in front of the page.
    ///
    /// # Errors
    /// Returns an error if the browser returns one.
    pub fn hide(&self) -> anyhow::Result<()> {
        if let Kind::Firefox { .. } = self.kind {
            return self.open_in_front("about:blank");
        }
        self.driver
            .call(|client| async move { client.minimize_window().await })
    }

    /// Shows the page again.
    ///
    /// # Errors
    /// Returns an error if the browser returns one.
    pub fn show(&self) -> anyhow::Result<()> {
        if self.covered.borrow().is_some() {
            return self.close_front();
        }
        let Page { width, height } = Page::LARGE;
        self.driver
            .call(|client| async move { client.set_window_rect(0, 0, width, height).await })
    }

    /// Opens another tab in front of the game's tab, from the game's page. Reports still come from
    /// the game's tab. Scripts run in the front tab.
    ///
    /// # Errors
    /// Returns an error if the browser returns one.
    pub fn open_in_front(&self, url: &str) -> anyhow::Result<()> {
        let game = self.driver.call(|client| async move {
            let game = client.window().await?;
            let before = client.windows().await?;
            client
                .execute("window.open(arguments[0])", vec![json!(url)])
                .await?;
            let opened = client.windows().await?;
            if let Some(tab) = opened.into_iter().find(|tab| !before.contains(tab)) {
                client.switch_to_window(tab).await?;
            }
            Ok(game)
        })?;
        *self.covered.borrow_mut() = Some(game);
        Ok(())
    }

    /// Closes the tab in front of the game.
    ///
    /// # Errors
    /// Returns an error if there is no such tab, or if the browser returns one.
    pub fn close_front(&self) -> anyhow::Result<()> {
        let game = self.covered.borrow_mut().take();
        let game = game.with_context(|| format!("{}: no tab is in front", self.name))?;
        self.driver.call(|client| async move {
            client.close_window().await?;
            client.switch_to_window(game).await
        })
    }

    /// Returns whether the game's page is hidden.
    ///
    /// # Errors
    /// Returns an error if the browser does not respond.
    pub fn is_hidden(&self) -> anyhow::Result<bool> {
        let hidden = self.run("return (globalThis.opener ?? globalThis).document.hidden")?;
        Ok(hidden == json!(true))
    }

    /// Reloads the page, as a player does.
    ///
    /// # Errors
    /// Returns an error if the browser returns one.
    pub fn reload(&self) -> anyhow::Result<()> {
        // Reload in a timeout, because the driver does not respond while a page loads.
        self.run("setTimeout(() => location.reload())").map(drop)
    }

    /// Presses the back button.
    ///
    /// # Errors
    /// Returns an error if the browser returns one.
    pub fn back(&self) -> anyhow::Result<()> {
        self.driver
            .call(|client| async move { client.back().await })
    }

    /// Slows down the page's main thread by a factor. Chromium only.
    ///
    /// # Errors
    /// Returns an error if the browser returns one.
    pub fn slow_down(&self, factor: u32) -> anyhow::Result<()> {
        let command = "Emulation.setCPUThrottlingRate";
        self.devtools(command, json!({ "rate": factor })).map(drop)
    }

    /// Freezes or resumes a hidden page. Chromium only.
    ///
    /// # Errors
    /// Returns an error if the browser returns one.
    pub fn freeze(&self, frozen: bool) -> anyhow::Result<()> {
        let state = if frozen { "frozen" } else { "active" };
        let command = "Page.setWebLifecycleState";
        self.devtools(command, json!({ "state": state })).map(drop)
    }

    /// Closes the tab as a player would. The browser continues to run.
    ///
    /// # Errors
    /// Returns an error if the browser returns one.
    pub fn close_tab(&self) -> anyhow::Result<()> {
        // A browser without tabs would exit.
        match self.kind {
            Kind::Chromium => {
                let empty = json!({ "url": "about:blank", "background": true });
                self.devtools("Target.createTarget", empty)?;
            }
            Kind::Firefox { .. } => {
                self.driver
                    .call(|client| async move { client.new_window(true).await })?;
            }
        }
        self.driver
            .call(|client| async move { client.close_window().await })
    }

    fn devtools(&self, command: &str, parameters: Value) -> anyhow::Result<Value> {
        match self.kind {
            Kind::Chromium => chromium::devtools(&self.driver, command, parameters),
            Kind::Firefox { .. } => bail!("{}: Firefox has no {command}", self.name),
        }
    }

    fn console(&self) -> anyhow::Result<String> {
        if let Kind::Firefox { .. } = self.kind {
            let output = self.driver.output();
            return Ok(output
                .lines()
                .map(|line| format!("{}\n", without_styles(line)))
                .collect());
        }
        let entries = self
            .driver
            .extension("se/log", json!({ "type": "browser" }))?;
        let entries: Vec<Logged> = serde_json::from_value(entries)?;
        let lines = entries
            .iter()
            .map(|entry| format!("      {} {}\n", entry.level, without_styles(&entry.message)));
        Ok(lines.collect())
    }
}

impl Player for Browser {
    fn name(&self) -> &str {
        &self.name
    }

    fn report(&mut self) -> anyhow::Result<Option<Report>> {
        let read = self.run(READ)?;
        let read: Read = serde_json::from_value(read.clone())
            .with_context(|| format!("{}'s report has an unexpected format: {read}", self.name))?;
        if let Some(failure) = read.failure {
            bail!("{}'s page shows: {failure}\n{}", self.name, self.log());
        }
        Ok(read.report)
    }

    fn process(&self) -> Pid {
        self.driver.browser()
    }

    fn kill(&mut self) -> anyhow::Result<()> {
        self.driver.kill_browser()
    }

    fn log(&self) -> String {
        self.console()
            .unwrap_or_else(|error| format!("      (no console: {error:#})\n"))
    }
}

/// Returns a console message without its styles.
fn without_styles(message: &str) -> String {
    let text = message.split("\" \"color:").next().unwrap_or(message);
    text.replace("%c", "")
}
