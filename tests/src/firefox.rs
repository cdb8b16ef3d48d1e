//! Firefox, on a screen of its own: without one it has no WebGL.

use anyhow::Context;
use serde_json::json;

use crate::{
    child,
    driver::{Driver, DriverProgram, Folder},
    page::Page,
    screen::Screen,
};

/// Names the program `geckodriver`, which is not among Debian's packages.
const GECKODRIVER: &str = "HUDDLE_TEST_GECKODRIVER";

/// Whether the programs that it takes are there; the error says what is missing.
///
/// # Errors
/// What to install.
pub fn firefox_is_here() -> anyhow::Result<()> {
    child::find(&["firefox-esr", "firefox"]).context("there is no firefox: install it")?;
    child::find(&["Xvfb"]).context("there is no Xvfb: install the package `xvfb`")?;
    let geckodriver = std::env::var_os(GECKODRIVER);
    if geckodriver.is_none() {
        child::find(&["geckodriver"])
            .context("there is no geckodriver: `cargo xtask test` builds it")?;
    }
    Ok(())
}

pub(crate) fn start(
    name: &str,
    page: Page,
    folder: &Folder,
    screen: &Screen,
) -> anyhow::Result<Driver> {
    firefox_is_here()?;
    let geckodriver = std::env::var_os(GECKODRIVER).unwrap_or_else(|| "geckodriver".into());
    let mut command = child::command(geckodriver);
    command
        .args(["--port", "0", "--websocket-port", "0", "--profile-root"])
        .arg(folder.path())
        // Firefox does not run as root in the home of somebody else.
        .env("HOME", folder.path())
        .env("DISPLAY", screen.display())
        .env_remove("WAYLAND_DISPLAY")
        // Without a graphics card.
        .env("LIBGL_ALWAYS_SOFTWARE", "1");
    let program = DriverProgram {
        command,
        says_port: "Listening on 127.0.0.1:",
        capabilities: json!({
            "browserName": "firefox",
            "pageLoadStrategy": "eager",
            "moz:firefoxOptions": {
                "binary": child::find(&["firefox-esr", "firefox"]),
                // The page is all of the window.
                "args": [
                    "--kiosk",
                    "--width", page.width.to_string(),
                    "--height", page.height.to_string(),
                ],
                // The page's console is printed.
                "prefs": { "devtools.console.stdout.content": true },
            },
        }),
        says_process: "moz:processID",
    };
    Driver::start(name, program)
}
