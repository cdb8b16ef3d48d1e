//! Headless Chromium.

use std::path::PathBuf;

use anyhow::Context;
use serde_json::json;

use crate::{
    authority::Authority,
    child,
    driver::{Driver, DriverProgram, Folder},
    page::Page,
};

const FLAGS: &[&str] = &[
    "--headless",
    "--no-sandbox",
    "--no-first-run",
    "--disable-dev-shm-usage",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--mute-audio",
    // Renders without a graphics card.
    "--use-angle=swiftshader",
    "--enable-unsafe-swiftshader",
    "--ignore-gpu-blocklist",
];

pub(crate) fn start(
    name: &str,
    page: Page,
    folder: &Folder,
    authority: Option<&Authority>,
) -> anyhow::Result<Driver> {
    let mut flags: Vec<String> = FLAGS.iter().map(|flag| (*flag).to_owned()).collect();
    flags.push(format!("--user-data-dir={}", folder.path().display()));
    flags.push(format!("--window-size={},{}", page.width, page.height));
    if let Some(authority) = authority {
        let hash = authority.key_hash();
        flags.push(format!("--ignore-certificate-errors-spki-list={hash}"));
    }
    let mut command = child::command("chromedriver");
    command.arg("--port=0");
    let program = DriverProgram {
        command,
        port_prefix: "started successfully on port ",
        capabilities: json!({
            "browserName": "chrome",
            "pageLoadStrategy": "eager",
            "goog:loggingPrefs": { "browser": "ALL" },
            "goog:chromeOptions": {
                "binary": chromium()?,
                "args": flags,
                // ChromeDriver disables the back/forward cache, which a player's browser has.
                "excludeSwitches": ["disable-back-forward-cache"],
                // The default start page would wait for the internet, which the network does not
                // reach.
                "prefs": { "session": { "restore_on_startup": 4, "startup_urls": ["about:blank"] } },
            },
        }),
        process_capability: "goog:processID",
    };
    let driver = Driver::start(name, program)?;
    // The window is larger than the viewport.
    let metrics = json!({
        "width": page.width, "height": page.height, "deviceScaleFactor": 1, "mobile": false,
    });
    devtools(&driver, "Emulation.setDeviceMetricsOverride", metrics)?;
    Ok(driver)
}

/// Sends a command of the Chrome DevTools Protocol.
pub(crate) fn devtools(
    driver: &Driver,
    command: &str,
    parameters: serde_json::Value,
) -> anyhow::Result<serde_json::Value> {
    let body = json!({ "cmd": command, "params": parameters });
    driver.extension("goog/cdp/execute", body)
}

fn chromium() -> anyhow::Result<PathBuf> {
    child::find(&["chromium", "chromium-browser", "google-chrome"])
        .context("there is no chromium: install it, and chromium-driver")
}
