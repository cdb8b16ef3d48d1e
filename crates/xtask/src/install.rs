//! Installs missing Debian packages.

use std::process::Command;

use anyhow::bail;

use crate::{env, process};

/// Installs Debian packages. If that is not possible, the error lists the packages to install.
/// `why` is a sentence such as "the tests play in a browser".
pub(crate) fn apt(packages: &[&str], why: &str) -> anyhow::Result<()> {
    let command = format!("apt-get install {}", packages.join(" "));
    if env::find_program("apt-get").is_none() {
        bail!(
            "{why}, but this system has no apt-get; install the equivalents of the Debian packages {}",
            packages.join(", ")
        );
    }
    let Some(root) = root_access() else {
        bail!("{why}; run `{command}` as root and try again");
    };
    println!("Installing {} ({why})", packages.join(" "));
    process::run(apt_get(root).arg("update"))?;
    process::run(
        apt_get(root)
            .args(["install", "-y", "--no-install-recommends"])
            .args(packages),
    )
}

/// Returns whether a Debian package is missing. On other systems, always returns `false`.
pub(crate) fn is_missing(package: &str) -> bool {
    let mut query = env::command("dpkg-query");
    query.args(["--show", "--showformat=${db:Status-Status}", package]);
    env::find_program("dpkg-query").is_some()
        && !process::output(&mut query).is_ok_and(|status| status == "installed")
}

/// Returns the names of available packages that match a regular expression.
pub(crate) fn matching_packages(pattern: &str) -> Vec<String> {
    if let Some(root) = root_access() {
        // A fresh machine has no package lists. If this fails, the search below finds nothing.
        let _ = process::output(apt_get(root).arg("update"));
    }
    let found =
        process::output(env::command("apt-cache").args(["search", "--names-only", pattern]));
    found
        .unwrap_or_default()
        .lines()
        .filter_map(|line| line.split_whitespace().next())
        .map(str::to_owned)
        .collect()
}

/// The way to run a command as root.
#[derive(Clone, Copy)]
enum Root {
    Already,
    Sudo,
}

fn root_access() -> Option<Root> {
    let id = process::output(env::command("id").arg("-u")).ok()?;
    if id.trim() == "0" {
        return Some(Root::Already);
    }
    process::output(env::command("sudo").args(["-n", "true"]))
        .ok()
        .map(|_| Root::Sudo)
}

fn apt_get(root: Root) -> Command {
    let mut command = match root {
        Root::Already => env::command("apt-get"),
        Root::Sudo => {
            let mut sudo = env::command("sudo");
            sudo.args(["-n", "DEBIAN_FRONTEND=noninteractive", "apt-get"]);
            sudo
        }
    };
    command.env("DEBIAN_FRONTEND", "noninteractive").arg("-q");
    command
}
