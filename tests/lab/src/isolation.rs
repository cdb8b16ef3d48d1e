//! A network and a process tree of the tests' own.

use std::{
    env, fs,
    path::{Path, PathBuf},
    process::{Command, ExitCode},
};

use anyhow::{Context, bail};
use nix::{
    mount::{MsFlags, mount},
    sched::{CloneFlags, unshare},
    sys::{prctl, signal::Signal},
    unistd::{Gid, Uid},
};

const MARK: &str = "NETWORK_LAB_INSIDE";
const DISPLAYS: &str = "/tmp/.X11-unix";
/// WebRTC skips loopback addresses, so there is a second interface, and a default route, without which address
/// discovery fails.
const SETUP: &[&str] = &[
    "link set lo up",
    "link add lab0 type veth peer name lab1",
    "addr add 10.77.0.1/24 dev lab0",
    "addr add 10.77.0.2/32 dev lo",
    "link set lab0 up",
    "link set lab1 up",
    "route add default via 10.77.0.254 dev lab0",
];

/// Where this process is.
pub enum Inside {
    /// In the namespace: run the tests.
    Yes,
    /// Outside; the tests ran in another process, which ended like this.
    Done(ExitCode),
}

/// Runs this program again where nothing gets out and nothing stays behind, or returns if that is where it is. Call it
/// before any thread starts.
///
/// In there, programs that start without a [`Host`](crate::Host) share one network, with the addresses 10.77.0.1 and
/// 10.77.0.2. When the first process in there ends, however it ends, the kernel ends all others.
///
/// # Errors
/// If this machine does not allow it; the text says what failed.
pub fn isolate() -> anyhow::Result<Inside> {
    if env::var_os(MARK).is_some() {
        set_up()?;
        return Ok(Inside::Yes);
    }
    leave_the_outside()?;
    let status = Command::new(env::current_exe()?)
        .args(env::args_os().skip(1))
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
    SETUP.iter().try_for_each(|arguments| ip(arguments))
}

/// Runs `ip` in the network of this thread.
pub(crate) fn ip(arguments: &str) -> anyhow::Result<()> {
    let output = Command::new(find_ip()?)
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

fn find_ip() -> anyhow::Result<PathBuf> {
    let path = env::var_os("PATH").unwrap_or_default();
    let mut folders: Vec<PathBuf> = env::split_paths(&path).collect();
    folders.extend(["/usr/sbin", "/sbin"].map(PathBuf::from));
    let mut programs = folders.iter().map(|folder| folder.join("ip"));
    programs
        .find(|program| program.is_file())
        .context("there is no `ip`: install the package `iproute2`")
}
