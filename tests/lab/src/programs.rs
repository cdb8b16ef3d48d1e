//! The programs that configure the network of a thread.

use std::{
    env,
    io::Write,
    path::PathBuf,
    process::{Command, Stdio},
};

use anyhow::{Context, bail};

/// Runs the `ip` program in the network of this thread.
pub(crate) fn ip(arguments: &str) -> anyhow::Result<()> {
    let arguments: Vec<&str> = arguments.split(' ').collect();
    run("ip", "iproute2", &arguments, "")
}

/// Adds rules to the packet filter of this thread's network.
pub(crate) fn nft(rules: &str) -> anyhow::Result<()> {
    run("nft", "nftables", &["-f", "-"], rules)
}

fn run(name: &str, package: &str, arguments: &[&str], input: &str) -> anyhow::Result<()> {
    let program = find(name)
        .with_context(|| format!("`{name}` is missing: install the package `{package}`"))?;
    let mut running = Command::new(program)
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .with_context(|| format!("cannot run `{name}`"))?;
    if let Some(mut stdin) = running.stdin.take() {
        stdin
            .write_all(input.as_bytes())
            .with_context(|| format!("cannot write to `{name}`"))?;
    }
    let output = running
        .wait_with_output()
        .with_context(|| format!("cannot run `{name}`"))?;
    if !output.status.success() {
        bail!(
            "`{name} {}`: {}",
            arguments.join(" "),
            String::from_utf8_lossy(&output.stderr).trim()
        );
    }
    Ok(())
}

fn find(name: &str) -> Option<PathBuf> {
    let path = env::var_os("PATH").unwrap_or_default();
    let mut folders: Vec<PathBuf> = env::split_paths(&path).collect();
    folders.extend(["/usr/sbin", "/sbin"].map(PathBuf::from));
    let mut programs = folders.iter().map(|folder| folder.join(name));
    programs.find(|program| program.is_file())
}
