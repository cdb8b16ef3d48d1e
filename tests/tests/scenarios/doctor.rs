//! The doctor, as a page and as a program.

use std::{
    process::Command,
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context, bail, ensure};
use huddle_tests::{Artifacts, Browser, Page, Player, Server, TURN_ADDRESS, Turn};
use serde_json::json;

use crate::{pages::save_screenshot, steps::LOAD_TIMEOUT};

/// The Enter key of WebDriver.
const ENTER: char = '\u{E007}';
const POLL: Duration = Duration::from_millis(100);
/// The result as text, as soon as the check has ended.
const RESULT: &str = "return globalThis.huddleDoctor?.result ?? null";

pub(crate) fn doctor_page_shows_and_copies_the_result(artifacts: &Artifacts) -> anyhow::Result<()> {
    let server = Server::start(artifacts)?;
    let turn = Turn::start()?;
    let browser = Browser::chromium("a phone", Page::PHONE)?;
    browser.open(&server.page("doctor", &format!("ice={}", turn.udp())))?;
    let text = result(&browser)?;
    for expected in [
        "You can play with players everywhere.",
        " connected in ",
        "[ok] any path: open in ",
        "[ok] relayed only: open in ",
        "relays at ",
        "[--] host: ",
        "[--] relay: ",
    ] {
        ensure!(
            text.contains(expected),
            "{expected} is missing in the result:\n{text}"
        );
    }
    ensure!(!text.contains("secret"), "the result contains the password");
    save_screenshot(artifacts, &browser, "doctor-phone")?;

    // Browsers let a page copy only after a real key or click.
    browser.run("document.getElementById('copy').focus()")?;
    browser.press(ENTER, Duration::from_millis(50))?;
    wait_text(&browser, "copied", "Copied.")?;
    let fits = "return document.documentElement.scrollWidth <= innerWidth";
    ensure!(
        browser.run(fits)? == json!(true),
        "the page is wider than the screen of a phone"
    );

    let desktop = Browser::chromium("a desktop", Page::DEFAULT)?;
    let dead = "ice=stun:10.77.0.2:4999&signal=ws://127.0.0.1:4999";
    desktop.open(&server.page("doctor", dead))?;
    let text = result(&desktop)?;
    ensure!(
        text.contains("The game's server cannot be reached."),
        "the result of a dead server is:\n{text}"
    );
    save_screenshot(artifacts, &desktop, "doctor-dead-server")
}

pub(crate) fn doctor_program_tests_the_relay(artifacts: &Artifacts) -> anyhow::Result<()> {
    let server = Server::start(artifacts)?;
    let turn = Turn::start()?;
    let signaling = format!("ws://{}", server.address());
    let stun = format!("stun:{TURN_ADDRESS}:3478");
    let (text, is_success) = run(
        artifacts,
        &["--server", &signaling, "--ice", &stun, "--ice", &turn.udp()],
    )?;
    for expected in [
        "You can play with players everywhere.",
        "[ok] relayed only: open in ",
        "[--] host: ",
        "[--] relay: ",
    ] {
        ensure!(
            text.contains(expected),
            "{expected} is missing in the result:\n{text}"
        );
    }
    ensure!(is_success, "the program exited with an error:\n{text}");

    let refused = format!("ada:wrong@turn:{TURN_ADDRESS}:3478");
    let (text, _) = run(artifacts, &["--ice", &refused])?;
    ensure!(
        text.contains("refused the login (401"),
        "the result of a wrong password is:\n{text}"
    );
    Ok(())
}

fn run(artifacts: &Artifacts, arguments: &[&str]) -> anyhow::Result<(String, bool)> {
    let program = artifacts.program("huddle-doctor");
    let output = Command::new(&program)
        .args(arguments)
        .output()
        .with_context(|| format!("cannot start {}", program.display()))?;
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    Ok((text, output.status.success()))
}

/// Waits until the page shows its result.
fn result(browser: &Browser) -> anyhow::Result<String> {
    let start = Instant::now();
    while start.elapsed() < LOAD_TIMEOUT {
        if let Some(text) = browser.run(RESULT)?.as_str() {
            return Ok(text.to_owned());
        }
        thread::sleep(POLL);
    }
    let shown = browser.run("return document.body.innerText")?;
    bail!("{} shows no result: {shown}", browser.name())
}

fn wait_text(browser: &Browser, id: &str, expected: &str) -> anyhow::Result<()> {
    let script = format!("return document.getElementById('{id}').textContent");
    let start = Instant::now();
    while browser.run(&script)? != json!(expected) {
        ensure!(
            start.elapsed() < LOAD_TIMEOUT,
            "{} does not show {expected}",
            browser.name()
        );
        thread::sleep(POLL);
    }
    Ok(())
}
