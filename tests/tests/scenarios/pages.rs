//! The index and the loading pages.

use std::{
    fs,
    time::{Duration, Instant},
};

use anyhow::ensure;
use huddle_tests::{Artifacts, Browser, Page, Player, Server};
use serde_json::json;

use crate::steps::LOAD_TIMEOUT;

/// Returns the filled part of the progress bar.
const BAR: &str = "
    const [bar, track] = ['.bar', '.track'].map((name) => document.querySelector(name)?.getBoundingClientRect());
    return bar && track ? (bar.right - track.left) / track.width : null;
";
const TIMEOUT: Duration = Duration::from_secs(20);

pub(crate) fn index_leads_to_the_examples(artifacts: &Artifacts) -> anyhow::Result<()> {
    let server = Server::start(artifacts)?;
    let mut browser = Browser::chromium("the index", Page::LARGE)?;
    browser.open(&server.index())?;
    save_screenshot(artifacts, &browser, "index")?;
    browser.run("document.querySelector('a[href=\"hello/\"]').click()")?;
    browser.wait_shown(LOAD_TIMEOUT)?;
    ensure!(browser.run("return document.title")? == json!("hello"));
    save_screenshot(artifacts, &browser, "hello")
}

pub(crate) fn page_shows_loading_progress(artifacts: &Artifacts) -> anyhow::Result<()> {
    let size = fs::metadata(artifacts.site.join("hello/hello_bg.wasm"))?.len();
    let server = Server::start(artifacts)?;
    let browser = Browser::chromium("a browser with a slow line", Page::LARGE)?;
    browser.throttle(u32::try_from(size / 8)?)?;
    browser.open(&server.page("hello", ""))?;
    let start = Instant::now();
    let mut shown = Vec::new();
    while shown.len() < 4 {
        ensure!(start.elapsed() < TIMEOUT, "the bar only showed {shown:?}");
        let part = browser.run(BAR)?.as_f64();
        if let Some(part) = part.filter(|part| (0.05..0.95).contains(part))
            && shown.last().is_none_or(|last| part > *last)
        {
            shown.push(part);
        }
    }
    save_screenshot(artifacts, &browser, "loading")
}

pub(crate) fn page_shows_why_the_game_cannot_run(artifacts: &Artifacts) -> anyhow::Result<()> {
    let server = Server::start(artifacts)?;
    let page = server.page("hello", "");

    let browser = Browser::chromium("a browser without WebGL 2", Page::LARGE)?;
    browser.run_before_pages("HTMLCanvasElement.prototype.getContext = () => null")?;
    browser.open(&page)?;
    check_failure(artifacts, &browser, "no-webgl2", "no WebGL 2")?;

    let browser = Browser::chromium("a browser offline", Page::LARGE)?;
    browser.block("*.wasm")?;
    browser.open(&page)?;
    check_failure(artifacts, &browser, "not-loaded", "could not be loaded")?;

    let browser = Browser::chromium("a browser with a broken game", Page::LARGE)?;
    // Bevy's panic hook logs panics in this format.
    browser.run_before_pages(
        "addEventListener('DOMContentLoaded', () => console.error('panicked at src/main.rs:7:5:\\nsomething impossible'))",
    )?;
    browser.open(&page)?;
    check_failure(artifacts, &browser, "crashed", "something impossible")
}

fn check_failure(
    artifacts: &Artifacts,
    browser: &Browser,
    name: &str,
    expected: &str,
) -> anyhow::Result<()> {
    let shown = browser.wait_failure(TIMEOUT)?;
    save_screenshot(artifacts, browser, name)?;
    ensure!(
        shown.contains(expected),
        "{} shows: {shown}",
        browser.name()
    );
    Ok(())
}

pub(crate) fn save_screenshot(
    artifacts: &Artifacts,
    browser: &Browser,
    name: &str,
) -> anyhow::Result<()> {
    let file = artifacts.screenshots.join(format!("{name}.png"));
    browser.screenshot(&file)?;
    println!("   {}", file.display());
    Ok(())
}
