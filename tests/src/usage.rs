//! The resource usage of a process.

use std::{fmt, fs};

use anyhow::Context;
use nix::unistd::Pid;

/// The resource usage of a process at one moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Usage {
    /// The resident memory in bytes.
    pub memory: u64,
    /// The number of threads.
    pub threads: usize,
    /// The number of open sockets.
    pub sockets: usize,
}

impl Usage {
    /// Measures a process.
    ///
    /// # Errors
    /// Returns an error if there is no such process.
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
            memory: 1024 * number(&status, "VmRSS:").context("the status has no memory size")?,
            threads: usize::try_from(
                number(&status, "Threads:").context("the status has no number of threads")?,
            )?,
            sockets,
        })
    }

    /// Measures this process.
    ///
    /// # Errors
    /// Returns an error if `/proc` cannot be read.
    pub fn here() -> anyhow::Result<Self> {
        Self::of(Pid::this())
    }

    /// Returns by how many bytes the memory has grown.
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

/// Parses the number in a line like `VmRSS:  1234 kB`.
fn number(status: &str, name: &str) -> Option<u64> {
    let line = status.lines().find_map(|line| line.strip_prefix(name))?;
    line.split_whitespace().next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use std::net::UdpSocket;

    use super::*;

    #[test]
    fn usage_includes_sockets_threads_and_memory() {
        let before = Usage::here().unwrap();
        let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
        let memory = vec![1_u8; 64 << 20];
        let after = Usage::here().unwrap();
        // Other tests open sockets at the same time.
        assert!(after.sockets > 0 && after.threads > 0);
        assert!(after.growth_since(&before) >= 60 << 20, "{after}");
        drop((socket, memory));
    }
}
