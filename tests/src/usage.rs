//! What a process holds.

use std::{fmt, fs};

use anyhow::Context;
use nix::unistd::Pid;

/// What a process holds at one moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Usage {
    /// Memory that is in use, in bytes.
    pub memory: u64,
    /// Threads.
    pub threads: usize,
    /// Open sockets.
    pub sockets: usize,
}

impl Usage {
    /// Of a process.
    ///
    /// # Errors
    /// If there is no such process.
    pub fn of(process: Pid) -> anyhow::Result<Self> {
        let folder = format!("/proc/{process}");
        let status = fs::read_to_string(format!("{folder}/status"))
            .with_context(|| format!("there is no process {process}"))?;
        let sockets = fs::read_dir(format!("{folder}/fd"))?
            .flatten()
            .filter_map(|file| fs::read_link(file.path()).ok())
            .filter(|target| target.to_string_lossy().starts_with("socket:"))
            .count();
        Ok(Self {
            memory: 1024 * number(&status, "VmRSS:").context("no memory is told")?,
            threads: usize::try_from(number(&status, "Threads:").context("no threads are told")?)?,
            sockets,
        })
    }

    /// Of this process.
    ///
    /// # Errors
    /// If the kernel does not tell.
    pub fn here() -> anyhow::Result<Self> {
        Self::of(Pid::this())
    }

    /// How much more memory this is than it was, in bytes.
    pub fn growth_since(&self, before: &Self) -> u64 {
        self.memory.saturating_sub(before.memory)
    }
}

impl fmt::Display for Usage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{:.1} MB, {} threads, {} sockets",
            self.memory as f64 / 1e6,
            self.threads,
            self.sockets
        )
    }
}

/// From lines like `VmRSS:  1234 kB`.
fn number(status: &str, name: &str) -> Option<u64> {
    let line = status.lines().find_map(|line| line.strip_prefix(name))?;
    line.split_whitespace().next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use std::net::UdpSocket;

    use super::*;

    #[test]
    fn what_a_process_opens_and_fills_is_counted() {
        let before = Usage::here().unwrap();
        let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
        let memory = vec![1_u8; 64 << 20];
        let after = Usage::here().unwrap();
        // Other tests open sockets beside this one.
        assert!(after.sockets > 0 && after.threads > 0);
        assert!(after.growth_since(&before) >= 60 << 20, "{after}");
        drop((socket, memory));
    }
}
