//! Programs for the tests with several processes: browsers, their drivers, servers and network tools.

use std::path::PathBuf;

use crate::{env, install, process, project::Project};

/// The version of geckodriver. It is built from source, because Debian has no package.
const GECKODRIVER: &str = "0.37.1";

/// A program, its Debian package, and the reason to install it.
type Tool = (&'static str, &'static str, &'static str);

const TOOLS: &[Tool] = &[
    ("chromium", "chromium", "the tests play in a browser"),
    (
        "chromedriver",
        "chromium-driver",
        "the tests control a browser",
    ),
    ("ip", "iproute2", "the tests create network namespaces"),
    ("nft", "nftables", "the tests block connections"),
    (
        "turnserver",
        "coturn",
        "the tests relay through a TURN server",
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

/// Installs the missing programs that all tests need.
pub(super) fn install() -> anyhow::Result<()> {
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
    let root = project
        .cache
        .tools()
        .join(format!("geckodriver-{GECKODRIVER}"));
    let program = root.join("bin/geckodriver");
    if !program.is_file() {
        println!("Building geckodriver {GECKODRIVER} to control Firefox");
        let mut cargo = env::command("cargo");
        cargo
            .current_dir(&project.root)
            // A debug build is faster to compile, and speed does not matter here.
            .args(["install", "geckodriver", "--locked", "--debug"])
            .args(["--version", GECKODRIVER, "--root"])
            .arg(&root);
        process::run(&mut cargo)?;
    }
    Ok(program)
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
