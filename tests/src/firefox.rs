//! Firefox on a virtual screen, without which it has no WebGL.

use anyhow::Context;
use serde_json::json;

use crate::{
    authority::Authority,
    child,
    driver::{Driver, DriverProgram, Folder},
    page::Page,
    screen::Screen,
};

/// The variable with the path of `geckodriver`, for which Debian has no package.
const GECKODRIVER: &str = "HUDDLE_TEST_GECKODRIVER";

/// Adds a certificate authority for servers.
const TRUST: &str = "
    const certificates = Components.classes['@mozilla.org/security/x509certdb;1']
        .getService(Components.interfaces.nsIX509CertDB);
    certificates.addCertFromBase64(arguments[0], 'C,,');
";

/// Checks that the programs are installed that a scenario with Firefox needs.
///
/// # Errors
/// Returns an error that names the missing program.
pub fn check_firefox() -> anyhow::Result<()> {
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
    authority: Option<&Authority>,
) -> anyhow::Result<Driver> {
    check_firefox()?;
    let geckodriver = std::env::var_os(GECKODRIVER).unwrap_or_else(|| "geckodriver".into());
    let mut command = child::command(geckodriver);
    command
        .args(["--port", "0", "--websocket-port", "0", "--profile-root"])
        .arg(folder.path())
        // As root, Firefox does not run in the home folder of another user.
        .env("HOME", folder.path())
        .env("DISPLAY", screen.display())
        .env_remove("WAYLAND_DISPLAY")
        // Renders without a graphics card.
        .env("LIBGL_ALWAYS_SOFTWARE", "1");
    if authority.is_some() {
        // Scripts of the browser itself.
        command.arg("--allow-system-access");
    }
    let program = DriverProgram {
        command,
        port_prefix: "Listening on 127.0.0.1:",
        capabilities: json!({
            "browserName": "firefox",
            "pageLoadStrategy": "eager",
            "moz:firefoxOptions": {
                "binary": child::find(&["firefox-esr", "firefox"]),
                // The page fills the window.
                "args": [
                    "--kiosk",
                    "--width", page.width.to_string(),
                    "--height", page.height.to_string(),
                ],
                // Prints the page's console.
                "prefs": { "devtools.console.stdout.content": true },
            },
        }),
        process_capability: "moz:processID",
    };
    let driver = Driver::start(name, program)?;
    if let Some(authority) = authority {
        trust(&driver, authority).context("cannot add a certificate authority")?;
    }
    Ok(driver)
}

/// Makes Firefox trust an authority.
fn trust(driver: &Driver, authority: &Authority) -> anyhow::Result<()> {
    let in_context = |context| driver.extension("moz/context", json!({ "context": context }));
    in_context("chrome")?;
    let script = json!({ "script": TRUST, "args": [authority.base64()] });
    driver.extension("execute/sync", script)?;
    in_context("content").map(drop)
}
