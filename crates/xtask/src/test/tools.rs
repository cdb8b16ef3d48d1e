//! What the tests with several processes run: browsers, their drivers, servers, the network's tools.

use std::path::PathBuf;

use crate::{env, install, process, project::Project};

/// Built from its source, because Debian has no package of it.
const GECKODRIVER: &str = "0.37.1";

/// A program, Debian's package of it, and why it is needed.
type Tool = (&'static str, &'static str, &'static str);

const TOOLS: &[Tool] = &[
    ("chromium", "chromium", "the tests play in a browser"),
    (
        "chromedriver",
        "chromium-driver",
        "the tests steer a browser",
    ),
    ("ip", "iproute2", "the tests make a network of their own"),
    ("nft", "nftables", "the tests break connections"),
    (
        "turnserver",
        "coturn",
        "the tests relay through a TURN server",
    ),
];
const FIREFOX: &[Tool] = &[
    ("firefox", "firefox-esr", "the tests play in Firefox, too"),
    ("Xvfb", "xvfb", "without a screen Firefox has no WebGL"),
];
/// What Firefox loads to draw without a graphics card.
const GRAPHICS: &[&str] = &["libegl1", "libgl1", "libgl1-mesa-dri"];

/// Installs what is missing of what all tests need.
pub(super) fn ensure() -> anyhow::Result<()> {
    TOOLS.iter().try_for_each(ensure_tool)
}

/// Installs what is missing for Firefox; returns geckodriver.
pub(super) fn ensure_firefox(project: &Project) -> anyhow::Result<PathBuf> {
    FIREFOX.iter().try_for_each(ensure_tool)?;
    let missing: Vec<&str> = GRAPHICS
        .iter()
        .copied()
        .filter(|package| install::lacks(package))
        .collect();
    if !missing.is_empty() {
        install::apt(&missing, "Firefox draws with them")?;
    }
    if let Some(found) = env::find_program("geckodriver") {
        return Ok(found);
    }
    let root = project
        .cache
        .tools()
        .join(format!("geckodriver-{GECKODRIVER}"));
    let program = root.join("bin/geckodriver");
    if !program.is_file() {
        println!("Building geckodriver {GECKODRIVER}: the tests steer Firefox");
        let mut cargo = env::command("cargo");
        cargo
            .current_dir(&project.root)
            // Built sooner; it has little to do.
            .args(["install", "geckodriver", "--locked", "--debug"])
            .args(["--version", GECKODRIVER, "--root"])
            .arg(&root);
        process::run(&mut cargo)?;
    }
    Ok(program)
}

fn ensure_tool(&(program, package, why): &Tool) -> anyhow::Result<()> {
    // Debian's Firefox is called like its package.
    if [program, package]
        .iter()
        .all(|name| env::find_program(name).is_none())
    {
        install::apt(&[package], why)?;
    }
    Ok(())
}
