//! Runs a test program in new namespaces.

use std::{
    env, fs,
    path::Path,
    process::{Command, ExitCode},
};

use anyhow::Context;
use nix::{
    mount::{MsFlags, mount},
    sched::{CloneFlags, unshare},
    sys::{prctl, signal::Signal},
    unistd::{Gid, Uid},
};

use crate::programs::ip;

const ISOLATED: &str = "NETWORK_LAB_INSIDE";
const DISPLAYS: &str = "/tmp/.X11-unix";
/// The commands that configure the network. WebRTC skips loopback addresses, so there is a second
/// interface. Without a default route, address discovery fails.
const SETUP: &[&str] = &[
    "link set lo up",
    "link add lab0 type veth peer name lab1",
    "addr add 10.77.0.1/24 dev lab0",
    "addr add 10.77.0.2/32 dev lo",
    "link set lab0 up",
    "link set lab1 up",
    "route add default via 10.77.0.254 dev lab0",
];

/// The result of [`isolate`].
pub enum Isolation {
    /// This process is isolated and must run the tests.
    Isolated,
    /// This process is not isolated. The tests ran in another process, which returned this code.
    Done(ExitCode),
}

/// Runs this program again in new namespaces, or configures the namespaces if it already runs in
/// them. Call it before starting threads.
///
/// The isolated program cannot reach any other network. Programs that it starts without a
/// [`Host`](crate::Host) share one network with the addresses 10.77.0.1 and 10.77.0.2. When its
/// first process ends, the kernel ends all others.
///
/// # Errors
/// Returns an error that names the failed step if this machine does not allow namespaces.
pub fn isolate() -> anyhow::Result<Isolation> {
    if env::var_os(ISOLATED).is_some() {
        set_up()?;
        return Ok(Isolation::Isolated);
    }
    create_namespaces()?;
    let status = Command::new(env::current_exe()?)
        .args(env::args_os().skip(1))
        .env(ISOLATED, "1")
        .status()
        .context("cannot start the isolated tests")?;
    let code = status.code().and_then(|code| u8::try_from(code).ok());
    Ok(Isolation::Done(ExitCode::from(code.unwrap_or(1))))
}

fn create_namespaces() -> anyhow::Result<()> {
    let mut flags = CloneFlags::CLONE_NEWNET | CloneFlags::CLONE_NEWPID | CloneFlags::CLONE_NEWNS;
    let (uid, gid) = (Uid::current(), Gid::current());
    if !uid.is_root() {
        flags |= CloneFlags::CLONE_NEWUSER;
    }
    unshare(flags).context("cannot create namespaces")?;
    if !uid.is_root() {
        fs::write("/proc/self/setgroups", "deny")?;
        fs::write("/proc/self/uid_map", format!("0 {uid} 1"))?;
        fs::write("/proc/self/gid_map", format!("0 {gid} 1"))?;
    }
    Ok(())
}

fn set_up() -> anyhow::Result<()> {
    prctl::set_pdeathsig(Signal::SIGKILL)?;
    let nothing: Option<&Path> = None;
    let recursive = MsFlags::MS_REC | MsFlags::MS_PRIVATE;
    mount(nothing, "/", nothing, recursive, nothing)
        .and_then(|()| {
            mount(
                Some("proc"),
                "/proc",
                Some("proc"),
                MsFlags::empty(),
                nothing,
            )
        })
        .context("cannot mount /proc of the new namespace")?;
    // The folder contains the sockets of displays. The tests must not use those of the machine.
    fs::create_dir_all(DISPLAYS)?;
    mount(
        Some("tmpfs"),
        DISPLAYS,
        Some("tmpfs"),
        MsFlags::empty(),
        Some("mode=1777"),
    )
    .with_context(|| format!("cannot make {DISPLAYS} private"))?;
    SETUP.iter().try_for_each(|arguments| ip(arguments))
}
