//! A network and a process tree of the tests' own.
//!
//! WebRTC skips loopback addresses, so there is a second interface, and a default route, without which address discovery fails.
//! Nothing gets out. When the first process in there ends, however it ends, the kernel ends all others.

use std::{
    fs,
    path::Path,
    process::{Command, ExitCode},
};

use anyhow::{Context, bail};
use nix::{
    mount::{MsFlags, mount},
    sched::{CloneFlags, unshare},
    sys::{prctl, signal::Signal},
    unistd::{Gid, Uid},
};

use crate::child;

const MARK: &str = "HUDDLE_TEST_INSIDE";
const DISPLAYS: &str = "/tmp/.X11-unix";
const SETUP: &[&str] = &[
    "link set lo up",
    "link add huddle0 type veth peer name huddle1",
    "addr add 10.77.0.1/24 dev huddle0",
    "addr add 10.77.0.2/32 dev lo",
    "link set huddle0 up",
    "link set huddle1 up",
    "route add default via 10.77.0.254 dev huddle0",
];

/// Where this process is.
pub enum Inside {
    /// In the namespace: run the tests.
    Yes,
    /// Outside; the tests ran in another process, which ended like this.
    Done(ExitCode),
}

/// Runs this program again in the namespace, or returns if that is where it is. Call it before any thread starts.
///
/// # Errors
/// If this machine does not allow it; the text says what failed.
pub fn enter() -> anyhow::Result<Inside> {
    if std::env::var_os(MARK).is_some() {
        set_up()?;
        return Ok(Inside::Yes);
    }
    leave_the_outside()?;
    let program = std::env::current_exe()?;
    let status = Command::new(program)
        .args(std::env::args_os().skip(1))
        .env(MARK, "1")
        .status()
        .context("cannot start the tests in their namespace")?;
    let code = status.code().and_then(|code| u8::try_from(code).ok());
    Ok(Inside::Done(ExitCode::from(code.unwrap_or(1))))
}

fn leave_the_outside() -> anyhow::Result<()> {
    let mut flags = CloneFlags::CLONE_NEWNET | CloneFlags::CLONE_NEWPID | CloneFlags::CLONE_NEWNS;
    let (uid, gid) = (Uid::current(), Gid::current());
    if !uid.is_root() {
        flags |= CloneFlags::CLONE_NEWUSER;
    }
    unshare(flags).context("the kernel gives this process no namespaces of its own")?;
    if !uid.is_root() {
        fs::write("/proc/self/setgroups", "deny")?;
        fs::write("/proc/self/uid_map", format!("0 {uid} 1"))?;
        fs::write("/proc/self/gid_map", format!("0 {gid} 1"))?;
    }
    Ok(())
}

fn set_up() -> anyhow::Result<()> {
    prctl::set_pdeathsig(Signal::SIGKILL)?;
    let nowhere: Option<&Path> = None;
    let recursive = MsFlags::MS_REC | MsFlags::MS_PRIVATE;
    mount(nowhere, "/", nowhere, recursive, nowhere)
        .and_then(|()| {
            mount(
                Some("proc"),
                "/proc",
                Some("proc"),
                MsFlags::empty(),
                nowhere,
            )
        })
        .context("cannot show the namespace's processes in /proc")?;
    // Displays are sockets in there; those of the machine are not ours.
    fs::create_dir_all(DISPLAYS)?;
    mount(
        Some("tmpfs"),
        DISPLAYS,
        Some("tmpfs"),
        MsFlags::empty(),
        Some("mode=1777"),
    )
    .with_context(|| format!("cannot make {DISPLAYS} private"))?;
    for arguments in SETUP {
        ip(arguments)?;
    }
    Ok(())
}

fn ip(arguments: &str) -> anyhow::Result<()> {
    let program = child::find(&["ip"]).context("there is no `ip`: install iproute2")?;
    let output = Command::new(program)
        .args(arguments.split(' '))
        .output()
        .context("cannot run `ip`")?;
    if !output.status.success() {
        bail!(
            "`ip {arguments}`: {}",
            String::from_utf8_lossy(&output.stderr).trim()
        );
    }
    Ok(())
}
