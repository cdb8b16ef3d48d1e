//! Programs for the tests with several processes: browsers, their drivers, servers and network tools.

use std::path::PathBuf;

use crate::{cargo_install, env, install, project::Project};

/// The version of geckodriver. It is built from source, because Debian has no package.
const GECKODRIVER: &str = "0.37.1";

/// A program, its Debian package, and the reason to install it.
type Tool = (&'static str, &'static str, &'static str);

/// The programs that tests of single crates need, too.
const NETWORK: &[Tool] = &[
    ("ip", "iproute2", "the tests create network namespaces"),
    ("nft", "nftables", "the tests block connections"),
    (
        "turnserver",
        "coturn",
        "the tests relay through a TURN server",
    ),
    (
        "promtool",
        "prometheus",
        "the tests check the metrics of the signaling server",
    ),
    (
        "redis-server",
        "redis-server",
        "the tests run several signaling servers as a cluster",
    ),
    (
        "caddy",
        "caddy",
        "the tests connect to the signaling server through it",
    ),
    (
        "systemd-analyze",
        "systemd",
        "the tests check the service of the signaling server",
    ),
    (
        "nginx",
        "nginx-light",
        "the tests connect to the signaling server through it",
    ),
];
const TOOLS: &[Tool] = &[
    ("chromium", "chromium", "the tests play in a browser"),
    (
        "chromedriver",
        "chromium-driver",
        "the tests control a browser",
    ),
    ("Xvfb", "xvfb", "the tests open windows without a screen"),
    ("xdotool", "xdotool", "the tests press keys in windows"),
];
const FIREFOX: &[Tool] = &[("firefox", "firefox-esr", "the tests also play in Firefox")];
/// Libraries with which native windows draw without a graphics card.
const WINDOWS: &[&str] = &[
    "libvulkan1",
    "libx11-xcb1",
    "libxcursor1",
    "libxi6",
    "libxkbcommon-x11-0",
    "libxrandr2",
    "mesa-vulkan-drivers",
];
/// Libraries with which Firefox draws without a graphics card.
const GRAPHICS: &[&str] = &["libegl1", "libgl1", "libgl1-mesa-dri"];

/// Installs the missing programs that tests of single crates need.
pub(super) fn install_network() -> anyhow::Result<()> {
    NETWORK.iter().try_for_each(install_tool)
}

/// Installs the missing programs that all tests with several processes need.
pub(super) fn install() -> anyhow::Result<()> {
    install_network()?;
    TOOLS.iter().try_for_each(install_tool)?;
    install_libraries(WINDOWS, "windows draw without a graphics card")
}

/// Installs the missing programs for tests in Firefox and returns the path of geckodriver.
pub(super) fn install_firefox(project: &Project) -> anyhow::Result<PathBuf> {
    FIREFOX.iter().try_for_each(install_tool)?;
    install_libraries(GRAPHICS, "Firefox draws without a graphics card")?;
    if let Some(found) = env::find_program("geckodriver") {
        return Ok(found);
    }
    cargo_install::program(project, "geckodriver", GECKODRIVER, "control Firefox")
}

fn install_libraries(packages: &[&str], why: &str) -> anyhow::Result<()> {
    let missing: Vec<&str> = packages
        .iter()
        .copied()
        .filter(|package| install::is_missing(package))
        .collect();
    if !missing.is_empty() {
        install::apt(&missing, why)?;
    }
    Ok(())
}

fn install_tool(&(program, package, why): &Tool) -> anyhow::Result<()> {
    // Debian names the program of its Firefox like the package.
    if [program, package]
        .iter()
        .all(|name| env::find_program(name).is_none())
    {
        install::apt(&[package], why)?;
    }
    Ok(())
}
